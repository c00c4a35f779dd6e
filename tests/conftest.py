"""What every test stands on: PostgreSQL and Valkey, and a database that no other run uses."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils import timezone

from config import embedded, servers
from redshop.core import prepared
from tests.api import ApiClient

if TYPE_CHECKING:  # models can be imported only once Django is set up
    from redshop.accounts.models import User
    from tests.companies import Company

#: As many as a Valkey has unless it is told otherwise.
VALKEY_DATABASES: Final = 16

_slots: list[int] = []

# a machine that is busy is no reason to fail: examples are judged by what comes out alone
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_configure() -> None:
    """Start the servers, tell the settings where they are, and take a test database."""
    try:
        servers.prepare()
    except servers.ServerRefused as error:
        pytest.exit(str(error), returncode=1)
    slot = _slot()
    if not os.environ.get("REDIS_URL"):  # the settings were read before the port was known
        settings.REDIS_URL = f"{embedded.redis_url().rpartition('/')[0]}/{slot % VALKEY_DATABASES}"
        settings.CACHES["default"]["LOCATION"] = settings.REDIS_URL
    if not os.environ.get("BROKER_URL"):
        settings.BROKER_URL = settings.CELERY_BROKER_URL = settings.REDIS_URL
    test = settings.DATABASES["default"].setdefault("TEST", {})
    test["NAME"] = os.environ.get("REDSHOP_TEST_DB") or f"test_redshop_{slot}"


def _slot() -> int:
    """Return the number of the databases, here and there, that no other run of this checkout uses.

    The first free of a row of locks, held until this process ends: numbers come back, so that a
    database which a killed run left behind is replaced by the next.
    """
    folder = Path(embedded.STATE_DIR) / "run"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(100):
        lock = os.open(folder / f"tests-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        _slots.append(lock)
        return number
    pytest.exit("a hundred test runs of one checkout are enough", returncode=1)


@pytest.fixture(scope="session")
def the_company(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Company"]:
    """The sandbox payment company, one for the whole run."""
    from tests.companies import SECRET, WEBHOOK_SECRET, Company

    company = Company(tmp_path_factory.mktemp("sandbox"))
    settings.SANDBOX_URL = company.url
    settings.SANDBOX_SECRET, settings.SANDBOX_WEBHOOK_SECRET = SECRET, WEBHOOK_SECRET
    yield company
    settings.SANDBOX_URL = ""
    company.end()


@pytest.fixture
def company(the_company: "Company") -> Iterator["Company"]:
    """The company as it behaves when nobody has touched a switch."""
    usual = the_company.http.get("/v1/behaviour").json()
    yield the_company
    the_company.behave(**usual)


@pytest.fixture(autouse=True)
def _compiles_anew(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compile queries anew around a test that may change how they are made."""
    if "monkeypatch" not in request.fixturenames:
        yield
        return
    prepared.forget()
    yield
    prepared.forget()


@pytest.fixture
def api() -> ApiClient:
    """A device on which nobody is logged in."""
    return ApiClient(visitor=uuid4())


@pytest.fixture
def person(db: None) -> "User":
    """An ordinary person."""
    user: User = get_user_model().objects.create_user("ordinary", "ordinary@example.com")
    return user


@pytest.fixture
def person_api(person: "User") -> ApiClient:
    """The ordinary person's device."""
    return ApiClient(token=token_of(person), visitor=uuid4())


def token_of(user: "User") -> str:
    """Give a person a device's token."""
    token, now = uuid4().hex, timezone.now()
    user.tokens.create(
        digest=hashlib.sha256(token.encode()).hexdigest(),
        created_at=now,
        last_used_at=now,  # noted within the hour, so that no test's first call writes it
        expires_at=now + timedelta(days=1),
    )
    return token
