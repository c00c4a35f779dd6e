"""A password is changed by who knows it or reads the mail; either way, others are shut out."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail as outgoing
from django.utils import timezone

from redshop.accounts import links
from redshop.accounts.errors import LinkNotValid, WrongPassword
from redshop.accounts.factories import PASSWORD, AccessTokenFactory, UserFactory
from redshop.accounts.models import AccessToken, User
from redshop.accounts.services import mail, passwords, registration
from redshop.core import outbox
from redshop.core.models import Fact
from tests.api import ApiClient

pytestmark = pytest.mark.django_db

NEW = "a heron on the long pier"


@pytest.fixture
def linna() -> User:
    user: User = UserFactory.create(handle="linna", email="linna@example.com")
    return user


@pytest.fixture
def phone(linna: User) -> ApiClient:
    return device(linna)


def device(user: User) -> ApiClient:
    secret = f"secret of device {AccessToken.objects.count()}"
    AccessTokenFactory.create(user=user, secret=secret)
    return ApiClient(token=secret)


def password_is(user: User, password: str) -> bool:
    user.refresh_from_db()
    return user.check_password(password)


def mailed_code(at: datetime | None = None) -> str:
    """Drain the outbox, and return the code in the only letter that went out."""
    outbox.drain_all(at=at or timezone.now())
    (letter,) = outgoing.outbox
    found = re.search(r"^\S{60,}$", str(letter.body), re.MULTILINE)
    assert found
    return found.group()


def test_a_change_ends_the_other_sessions(linna: User, phone: ApiClient) -> None:
    laptop = device(linna)

    response = phone.post("/auth/password", {"current": PASSWORD, "new": NEW})

    assert response.status_code == 204
    assert password_is(linna, NEW)
    assert [phone.get("/me").status_code, laptop.get("/me").status_code] == [200, 401]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"current": "wrong", "new": NEW}, 422, "wrong_password"),
        ({"current": PASSWORD, "new": "linna123"}, 400, "invalid"),
        ({"current": PASSWORD, "new": ""}, 400, "invalid"),
        ({"current": PASSWORD}, 400, "invalid"),
        ({"current": PASSWORD, "new": NEW, "newer": NEW}, 400, "unknown_field"),
    ],
)
def test_a_refused_change_changes_nothing(
    body: dict[str, str], status: int, code: str, linna: User, phone: ApiClient
) -> None:
    laptop = device(linna)

    response = phone.post("/auth/password", body)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert password_is(linna, PASSWORD)
    assert laptop.get("/me").status_code == 200


def test_a_weak_new_password_is_told_at_its_place(phone: ApiClient) -> None:
    response = phone.post("/auth/password", {"current": PASSWORD, "new": "1234"})

    errors = response.json()["errors"]
    assert {error["pointer"] for error in errors} == {"/new"}
    assert [error["code"] for error in errors] == [
        "password_too_short",
        "password_too_common",
        "password_entirely_numeric",
    ]


def test_of_two_changes_at_once_the_second_knows_the_wrong_password(linna: User) -> None:
    seen_before = User.objects.get(pk=linna.pk)
    passwords.change(user=linna, current=PASSWORD, new=NEW, kept_token_id=None, at=timezone.now())

    with pytest.raises(WrongPassword):
        passwords.change(
            user=seen_before, current=PASSWORD, new="late", kept_token_id=None, at=timezone.now()
        )

    assert password_is(linna, NEW)


def test_a_forgotten_password_is_replaced_by_who_reads_the_mail(
    linna: User, phone: ApiClient, api: ApiClient
) -> None:
    asked = api.post("/auth/password/reset", {"email": "LINNA@example.com"})

    code = mailed_code()
    confirmed = api.post("/auth/password/reset/confirm", {"code": code, "new": NEW})

    assert (asked.status_code, confirmed.status_code) == (202, 204)
    assert outgoing.outbox[0].to == ["linna@example.com"]
    assert password_is(linna, NEW)
    assert phone.get("/me").status_code == 401


def test_an_unknown_address_gets_the_same_answer_for_the_same_work(
    linna: User, api: ApiClient, django_assert_num_queries: Any
) -> None:
    answers = []
    for email in ("linna@example.com", "nobody@example.com"):
        with django_assert_num_queries(4):  # savepoint, look, write down, release
            answers.append(api.post("/auth/password/reset", {"email": email}))

    assert [(one.status_code, one.content) for one in answers] == [(202, b"")] * 2
    outbox.drain_all(at=timezone.now())
    assert [letter.to for letter in outgoing.outbox] == [["linna@example.com"]]


def test_letters_are_sent_once_a_minute_at_most(linna: User, api: ApiClient) -> None:
    at = datetime.fromisoformat("2026-03-01T12:00:10+00:00")

    for seconds in (0, 20, 40, 60):
        passwords.request_reset(email="linna@example.com", at=at + timedelta(seconds=seconds))

    assert Fact.objects.filter(kind="mail.requested").count() == 2


def test_a_letter_sent_twice_after_a_crash_is_recognised_as_one(linna: User) -> None:
    for _ in range(2):
        mail.send(letter="reset", person_id=linna.pk, reference="abc", at=timezone.now())

    names = [letter.extra_headers["Message-ID"] for letter in outgoing.outbox]
    assert names == ["<abc@redshop.invalid>"] * 2


def test_a_closed_account_gets_no_mail(linna: User, api: ApiClient) -> None:
    api.post("/auth/password/reset", {"email": "linna@example.com"})
    User.objects.update(is_active=False)

    outbox.drain_all(at=timezone.now())

    assert outgoing.outbox == []


def test_a_reset_code_works_once(linna: User, api: ApiClient) -> None:
    code = links.code_for(linna, purpose=links.Purpose.RESET, at=timezone.now())

    statuses = [
        api.post("/auth/password/reset/confirm", {"code": code, "new": new}).status_code
        for new in (NEW, "another heron, another pier")
    ]

    assert statuses == [204, 422]
    assert password_is(linna, NEW)


def test_a_weak_password_leaves_the_code_good(linna: User, api: ApiClient) -> None:
    code = links.code_for(linna, purpose=links.Purpose.RESET, at=timezone.now())

    statuses = [
        api.post("/auth/password/reset/confirm", {"code": code, "new": new}).status_code
        for new in ("linna", NEW)
    ]

    assert statuses == [400, 204]


def test_codes_end_and_serve_one_purpose(linna: User) -> None:
    at = timezone.now()
    code = links.code_for(linna, purpose=links.Purpose.RESET, at=at)

    in_time = links.person_of(code, purpose=links.Purpose.RESET, at=at + timedelta(minutes=59))

    assert in_time == linna
    for purpose, moment in [
        (links.Purpose.RESET, at + timedelta(hours=1)),
        (links.Purpose.VERIFICATION, at),
    ]:
        with pytest.raises(LinkNotValid):
            links.person_of(code, purpose=purpose, at=moment)


@pytest.mark.parametrize("code", ["forged", "a:b", ".:", "é", "1", "x" * 400])
@pytest.mark.parametrize("path", ["/auth/password/reset/confirm", "/auth/email/verify"])
def test_a_forged_code_is_refused(code: str, path: str, linna: User, api: ApiClient) -> None:
    body = {"code": code, "new": NEW} if "reset" in path else {"code": code}

    response = api.post(path, body)

    assert (response.status_code, response.json()["code"]) == (422, "link_not_valid")
    assert password_is(linna, PASSWORD)
    assert linna.email_verified_at is None


def test_an_address_is_proven_by_the_code_mailed_to_it(api: ApiClient) -> None:
    opened = registration.register(
        handle="ada", email="ada@example.com", password=PASSWORD, at=timezone.now()
    )
    code = mailed_code()

    statuses = [api.post("/auth/email/verify", {"code": code}).status_code for _ in range(2)]

    assert statuses == [204, 204]
    assert ApiClient(token=opened.secret).get("/me").json()["email_verified"] is True


def test_a_code_for_a_former_address_proves_nothing(linna: User, api: ApiClient) -> None:
    code = links.code_for(linna, purpose=links.Purpose.VERIFICATION, at=timezone.now())
    User.objects.update(email="new@example.com")

    response = api.post("/auth/email/verify", {"code": code})

    assert response.status_code == 422
    linna.refresh_from_db()
    assert linna.email_verified_at is None
