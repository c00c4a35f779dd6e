"""The administrator whom a system makes for its owner."""

import hashlib
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config import admin_account
from redshop.accounts.models import AccessToken, User

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(admin_account, "FILE", tmp_path / "admin.json")
    return tmp_path / "admin.json"


def test_it_is_made_once_and_kept_where_only_its_owner_reads(file: Path) -> None:
    made = admin_account.ensure(at=NOON)
    again = admin_account.ensure(at=NOON + timedelta(days=1))

    assert again == made
    user = User.objects.get()
    assert (user.handle, user.is_staff, user.is_superuser) == ("admin", True, True)
    assert user.check_password(made.password)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_its_token_opens_the_api_and_is_replaced_when_it_no_longer_does() -> None:
    made = admin_account.ensure(at=NOON)
    AccessToken.objects.update(revoked_at=NOON)

    again = admin_account.ensure(at=NOON + timedelta(hours=1))

    assert again.token != made.token
    assert again.password == made.password
    alive = AccessToken.objects.alive(at=NOON + timedelta(hours=1)).get()
    assert alive.digest == hashlib.sha256(again.token.encode()).hexdigest()


def test_an_administrator_of_somebody_elses_making_is_left_alone() -> None:
    theirs = User.objects.create_superuser("Admin", "owner@example.com", "their own secret")

    made = admin_account.ensure(at=NOON)

    theirs.refresh_from_db()
    assert theirs.check_password("their own secret")
    assert made.login.startswith("admin_")
    assert User.objects.get(handle=made.login).check_password(made.password)


def test_in_another_database_the_account_of_the_file_is_made_anew() -> None:
    admin_account.ensure(at=NOON)
    User.objects.all().delete()

    made = admin_account.ensure(at=NOON)

    assert User.objects.get(handle=made.login).check_password(made.password)
    assert admin_account.ensure(at=NOON) == made
