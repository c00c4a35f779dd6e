"""A device is let in by who knows the password, and shut out by whom it belongs to."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from redshop.accounts.errors import WrongCredentials
from redshop.accounts.factories import PASSWORD, AccessTokenFactory, UserFactory
from redshop.accounts.models import AccessToken, User
from redshop.accounts.services import sessions
from redshop.core.api import throttling
from redshop.events.models import Identity
from tests.api import ApiClient
from tests.conftest import token_of
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db


@pytest.fixture
def linna() -> User:
    user: User = UserFactory.create(handle="Linna", email="Linna@example.com")
    return user


def log_in(api: ApiClient, login: str = "linna", password: str = PASSWORD, **rest: Any) -> Any:
    return api.post("/auth/login", {"login": login, "password": password, **rest})


def device(user: User, *, visitor: UUID | None = None) -> ApiClient:
    """Let a device of the person in."""
    opened = sessions.log_in(
        login=user.handle, password=PASSWORD, visitor_id=visitor, at=timezone.now()
    )
    return ApiClient(token=opened.secret, visitor=visitor)


@pytest.mark.parametrize("login", ["linna", "LINNA", " ｌinna ", "linna@example.com", "LINNA@X"])
def test_a_person_logs_in_by_handle_or_address(login: str, linna: User, api: ApiClient) -> None:
    response = log_in(api, login.replace("@X", "@EXAMPLE.COM"), device="iPhone")

    assert response.status_code == 200
    assert response.json()["user"]["id"] == linna.pk
    assert ApiClient(token=response.json()["token"]).get("/me").status_code == 200
    linna.refresh_from_db()
    assert linna.last_login is not None


@pytest.mark.parametrize(
    ("login", "password"),
    [("linna", "wrong"), ("nobody", PASSWORD), ("nobody@example.com", PASSWORD), ("%", PASSWORD)],
)
def test_a_wrong_handle_and_a_wrong_password_answer_alike_and_cost_one_hash(
    login: str, password: str, linna: User, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[tuple[object, ...]] = []
    encode = MD5PasswordHasher.encode

    def encode_and_remember(*args: Any) -> str:
        hashed.append(args)
        return encode(*args)

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode_and_remember)

    response = log_in(api, login, password)

    problem = response.json()
    del problem["request_id"]
    assert problem == {
        "type": "urn:redshop:problem:wrong_credentials",
        "title": "Unauthorized",
        "status": 401,
        "code": "wrong_credentials",
        "detail": "The login or the password is wrong.",
    }
    assert len(hashed) == 1
    assert not AccessToken.objects.exists()
    assert not Identity.objects.exists()


def test_who_has_no_password_cannot_log_in(api: ApiClient) -> None:
    User.objects.create_user("ghost", "ghost@example.com")

    assert log_in(api, "ghost", "").status_code == 400
    assert log_in(api, "ghost", "!").status_code == 401


def test_a_closed_account_lets_nobody_in(linna: User, api: ApiClient) -> None:
    inside = device(linna)
    User.objects.update(is_active=False)

    assert log_in(api).status_code == 401
    assert inside.get("/me").status_code == 401


def test_a_password_changed_between_proof_and_session_refuses_it(
    linna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def checked_then_changed(user: User, password: str) -> bool:
        User.objects.filter(pk=user.pk).update(password="changed meanwhile")
        return True

    monkeypatch.setattr(User, "check_password", checked_then_changed)

    with pytest.raises(WrongCredentials):
        sessions.log_in(login="linna", password=PASSWORD, at=timezone.now())

    assert not AccessToken.objects.exists()


def test_logging_in_joins_the_visitor_and_the_first_person_keeps_it(api: ApiClient) -> None:
    first, second = UserFactory.create_batch(2)

    log_in(api, first.handle)
    log_in(api, second.handle)

    assert list(Identity.objects.values_list("visitor_id", "person_id")) == [
        (api.visitor, first.pk)
    ]


def test_a_device_that_logs_in_again_gets_a_new_token_for_its_old_one(
    linna: User, api: ApiClient
) -> None:
    old = log_in(api, device="iPhone").json()["token"]
    elsewhere = log_in(ApiClient(visitor=uuid4()), device="iPhone").json()["token"]
    new = log_in(api, device="iPhone").json()["token"]

    alive = [ApiClient(token=token).get("/me").status_code for token in (old, elsewhere, new)]

    assert alive == [401, 200, 200]


def test_a_token_opens_until_it_expires(linna: User, settings: Any) -> None:
    settings.TOKEN_LIFETIME_DAYS = 2
    now = timezone.now()

    opened = sessions.log_in(login="linna", password=PASSWORD, at=now)

    last = now + timedelta(days=2) - timedelta(microseconds=1)
    assert opened.token.expires_at == now + timedelta(days=2)
    assert sessions.bearer_of(opened.secret, at=last) == opened.token
    assert sessions.bearer_of(opened.secret, at=now + timedelta(days=2)) is None


def test_the_use_of_a_token_is_noted_once_an_hour(linna: User) -> None:
    start = timezone.now()
    token: AccessToken = AccessTokenFactory.create(user=linna, created_at=start)

    def used(at: datetime) -> datetime | None:
        token.refresh_from_db()
        sessions.note_use(token, at=at)
        token.refresh_from_db()
        return token.last_used_at

    assert used(start) == start
    assert used(start + timedelta(minutes=59)) == start
    assert used(start + timedelta(minutes=60)) == start + timedelta(minutes=60)


def test_the_api_notes_the_use(linna: User) -> None:
    device(linna).get("/me")

    assert AccessToken.objects.get().last_used_at is not None


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer forged", "bearer a b c", "Bearer é", "Basic YTpi", "\x7f"],
)
def test_a_header_that_opens_nothing_is_a_401_even_where_visitors_may_look(
    header: str, linna: User, api: ApiClient
) -> None:
    response = api.get("/users/linna", headers={"Authorization": header})

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "invalid_token"
    assert response["WWW-Authenticate"] == "Bearer"


def test_logging_out_ends_this_device_only(linna: User) -> None:
    phone, laptop = device(linna), device(linna)

    assert phone.post("/auth/logout").status_code == 204

    assert phone.get("/me").status_code == 401
    assert laptop.get("/me").status_code == 200


def test_logging_out_everywhere_ends_every_device_of_the_person(linna: User) -> None:
    phone, laptop, other = device(linna), device(linna), device(UserFactory.create())

    assert phone.post("/auth/logout-all").status_code == 204

    assert [one.get("/me").status_code for one in (phone, laptop, other)] == [401, 401, 200]


def test_a_person_sees_their_devices_and_which_one_asks(linna: User) -> None:
    now = timezone.now()
    AccessTokenFactory.create(user=linna, device="old", created_at=now - timedelta(days=100))
    AccessTokenFactory.create(user=linna, device="gone", revoked_at=now)
    AccessTokenFactory.create(user=linna, device="laptop", created_at=now - timedelta(hours=1))
    AccessTokenFactory.create(device="somebody else's")
    phone = device(linna)

    page = phone.get("/auth/sessions").json()

    assert [(one["device"], one["current"]) for one in page["results"]] == [
        ("", True),
        ("laptop", False),
    ]
    assert set(page) == {"results", "next", "previous"}
    assert UUID(page["results"][0]["id"])
    assert not any("digest" in one or "token" in one for one in page["results"])


def test_a_person_ends_a_session_of_theirs_once(linna: User) -> None:
    phone = device(linna)
    laptop: AccessToken = AccessTokenFactory.create(user=linna)

    statuses = [phone.delete(f"/auth/sessions/{laptop.pk}").status_code for _ in range(2)]

    assert statuses == [204, 404]
    laptop.refresh_from_db()
    assert laptop.revoked_at is not None


def test_the_session_of_another_is_not_there(linna: User) -> None:
    others: AccessToken = AccessTokenFactory.create()

    response = device(linna).delete(f"/auth/sessions/{others.pk}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    others.refresh_from_db()
    assert others.revoked_at is None


def test_sessions_are_forgotten_long_after_they_ended() -> None:
    now = timezone.now()
    long_ago = now - timedelta(days=200)
    AccessTokenFactory.create(created_at=long_ago)
    AccessTokenFactory.create(created_at=now, revoked_at=now)
    alive = AccessTokenFactory.create(created_at=now)

    sessions.forget_ended(before=now - timedelta(days=90))

    assert AccessToken.objects.count() == 2
    assert AccessToken.objects.filter(pk=alive.pk).exists()


@pytest.fixture
def _limits(settings: Any) -> None:
    """Have attempts counted, from none on."""
    settings.THROTTLING = True
    cache.clear()


@pytest.mark.usefixtures("_limits")
def test_guessing_is_slowed_down(
    linna: User, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling.CredentialsThrottle, "rate", "3/min", raising=False)

    answers = [log_in(api, password="wrong") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert int(answers[-1]["Retry-After"]) > 0


@pytest.mark.usefixtures("_limits")
def test_a_password_is_not_guessed_by_erasing_oneself(
    linna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling.CredentialsThrottle, "rate", "3/min", raising=False)
    bearer = ApiClient(token=token_of(linna))

    codes = [bearer.delete("/me", {"password": "wrong"}).status_code for _ in range(4)]

    assert codes == [422, 422, 422, 429]
    assert bearer.get("/me").status_code == 200


@pytest.mark.usefixtures("_limits")
def test_one_account_is_not_guessed_at_from_many_addresses(
    linna: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling.AccountThrottle, "rate", "3/hour", raising=False)

    def attempt(number: int, login: str, *, password: str = "wrong") -> Any:  # noqa: S107
        return ApiClient().post(
            "/auth/login",
            {"login": login, "password": password},
            headers={"X-Forwarded-For": f"10.0.0.{number}"},
        )

    answers = [attempt(number, login) for number, login in enumerate(["linna", " LINNA", "linna"])]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    right = attempt(9, "linna", password=PASSWORD)
    assert right.status_code == 429
    assert 0 < int(right["Retry-After"]) <= 3_600
    assert attempt(9, "somebody_else").status_code == 401

    User.objects.filter(pk=linna.pk).update(is_staff=True)
    page = client.post("/admin/login/", {"username": "linna", "password": PASSWORD})
    assert page.status_code == 200
    assert "Too many attempts" in page.content.decode()
    cache.clear()
    page = client.post("/admin/login/", {"username": "linna", "password": PASSWORD})
    assert page.status_code == 302


def test_listing_sessions_takes_as_many_queries_for_many_as_for_few(linna: User) -> None:
    def sized(count: int) -> Any:
        AccessTokenFactory.create_batch(count, user=linna)
        asking = device(linna)
        asking.get("/me")
        return lambda: asking.get("/auth/sessions")

    assert_query_count("GET /auth/sessions", lambda: sized(1), lambda: sized(15))
