"""People come in once, under one handle and one address, whoever else tries in that moment."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.utils import timezone

from redshop.accounts import selectors
from redshop.accounts.models import AccessToken, Consent, Preference, User
from redshop.accounts.services import registration
from redshop.core.models import Fact
from redshop.events.models import Identity, OptOut
from tests.api import ApiClient

PASSWORD = "correct horse battery staple"


def someone(**over: Any) -> dict[str, Any]:
    return {"handle": "linna", "email": "linna@example.com", "password": PASSWORD, **over}


def pointers(response: Any) -> list[tuple[str, str]]:
    assert response["Content-Type"] == "application/problem+json"
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


@pytest.mark.django_db
def test_a_new_person_is_let_in_and_shown_to_themselves(api: ApiClient) -> None:
    response = api.post("/auth/register", someone(display_name="林娜", locale="zh-CN"))

    body = response.json()
    assert response.status_code == 201
    assert set(body) == {"token", "expires_at", "user"}
    assert response["Cache-Control"] == "no-store"
    assert body["user"]["handle"] == "linna"
    assert body["user"]["display_name"] == "林娜"
    assert body["user"]["email"] == "linna@example.com"
    assert body["user"]["email_verified"] is False
    assert body["user"]["counts"] == {"followers": 0, "following": 0, "notes": 0}
    assert ApiClient(token=body["token"]).get("/me").json() == body["user"]


@pytest.mark.django_db
def test_only_hashes_of_password_and_token_are_kept(api: ApiClient) -> None:
    token = api.post("/auth/register", someone()).json()["token"]

    user, kept = User.objects.get(), AccessToken.objects.get()
    assert check_password(PASSWORD, user.password)
    assert PASSWORD not in user.password
    assert len(token) >= 43  # 256 bits in base64
    assert token not in {kept.digest, kept.device}


@pytest.mark.django_db
def test_the_history_of_the_visitor_becomes_the_persons(api: ApiClient) -> None:
    api.post("/auth/register", someone())

    joined = Identity.objects.get()
    assert (joined.visitor_id, joined.person_id) == (api.visitor, User.objects.get().pk)


@pytest.mark.django_db
def test_a_visitor_who_is_no_uuid_is_refused(api: ApiClient) -> None:
    response = api.post("/auth/register", someone(), headers={"X-Visitor-Id": "me"})

    assert response.status_code == 400
    assert pointers(response) == [("/X-Visitor-Id", "invalid")]
    assert not User.objects.exists()


@pytest.mark.django_db
def test_who_says_nothing_consents_as_the_deployment_assumes(api: ApiClient, settings: Any) -> None:
    settings.CONSENT_DEFAULTS = {"analytics": False, "personalisation": True, "marketing": True}

    api.post("/auth/register", someone())

    said = dict(Consent.objects.values_list("purpose", "is_granted"))
    assert said == {"analytics": False, "personalisation": True, "marketing": True}
    assert OptOut.objects.get().person_id == User.objects.get().pk
    assert Preference.objects.get().is_personalised


@pytest.mark.django_db
def test_who_says_something_is_heard(api: ApiClient) -> None:
    api.post("/auth/register", someone(consents={"analytics": False, "marketing": True}))

    person = User.objects.get()
    assert selectors.consents_of(person.pk) == {
        "analytics": False,
        "personalisation": True,
        "marketing": True,
    }
    assert OptOut.objects.filter(person_id=person.pk).exists()


@pytest.mark.django_db
def test_handles_are_the_same_in_every_case_and_width(api: ApiClient) -> None:
    api.post("/auth/register", someone())

    response = api.post("/auth/register", someone(handle="ＬinＮＡ", email="other@example.com"))

    assert (response.status_code, response.json()["code"]) == (409, "handle_taken")
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_addresses_are_the_same_in_every_case(api: ApiClient) -> None:
    api.post("/auth/register", someone())

    response = api.post("/auth/register", someone(handle="other", email="LINNA@EXAMPLE.COM"))

    assert (response.status_code, response.json()["code"]) == (409, "email_taken")
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"handle": "no"}, [("/handle", "invalid")]),
        ({"handle": "a b c"}, [("/handle", "invalid")]),
        ({"handle": "x" * 31}, [("/handle", "max_length")]),
        ({"handle": None}, [("/handle", "null")]),
        ({"email": "nobody"}, [("/email", "invalid")]),
        ({"email": 7}, [("/email", "invalid")]),
        ({"locale": "tlh"}, [("/locale", "invalid_choice")]),
        ({"display_name": "a\x07b"}, [("/display_name", "invalid")]),
        ({"password": "short1!"}, [("/password", "password_too_short")]),
        (
            {"password": "12345678"},
            [("/password", "password_too_common"), ("/password", "password_entirely_numeric")],
        ),
        ({"password": "linna@example"}, [("/password", "password_too_similar")]),
        ({"consents": {"analytics": "perhaps"}}, [("/consents/analytics", "invalid")]),
        ({"consents": {"telemetry": True}}, [("/consents/telemetry", "unknown_field")]),
        ({"is_staff": True}, [("/is_staff", "unknown_field")]),
        ({"population": "simulated"}, [("/population", "unknown_field")]),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(
    over: dict[str, Any], expected: list[tuple[str, str]], api: ApiClient
) -> None:
    response = api.post("/auth/register", someone(**over))

    assert response.status_code == 400
    assert pointers(response) == expected
    assert not User.objects.exists()
    assert not Fact.objects.exists()


@pytest.mark.django_db
def test_a_letter_is_asked_for_with_the_account_and_for_real_people_only() -> None:
    for population in ("real", "simulated"):
        registration.register(
            handle=population,
            email=f"{population}@example.com",
            password=PASSWORD,
            population=population,
            at=timezone.now(),
        )

    asked = [fact.payload["person_id"] for fact in Fact.objects.filter(kind="mail.requested")]
    assert asked == [User.objects.get(handle="real").pk]


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """Run the works in threads from one moment; return what they returned, in no order."""
    barrier, results = threading.Barrier(len(works)), list[Any]()

    def run(work: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=20)
            results.append(work())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return results


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("bodies", "code"),
    [
        (
            [someone(handle=h, email=f"{n}@example.com") for n, h in enumerate(["ada", "ADA"] * 4)],
            "handle_taken",
        ),
        (
            [someone(handle=f"ada{n}", email=e) for n, e in enumerate(["a@x.it", "A@X.it"] * 4)],
            "email_taken",
        ),
    ],
    ids=["handle", "email"],
)
def test_of_eight_who_want_the_same_at_once_one_gets_it(
    bodies: list[dict[str, Any]], code: str
) -> None:
    answers = at_once(
        [partial(ApiClient(visitor=uuid4()).post, "/auth/register", body) for body in bodies]
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {code}
    assert User.objects.count() == AccessToken.objects.count() == Preference.objects.count() == 1
