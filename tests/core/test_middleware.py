"""What calls of the API bear although they pass by what serves people's pages."""

import logging

import pytest
from django.test import Client

from tests.api import ApiClient


@pytest.mark.django_db
def test_a_call_has_an_id_its_language_and_the_headers_of_safety(client: Client) -> None:
    answer = client.get("/api/v1/products", headers={"X-Request-Id": "from-the-phone"})

    assert answer.status_code == 200
    assert answer.headers["X-Request-Id"] == "from-the-phone"
    assert answer.headers["Content-Language"] == "en"
    assert "Accept-Language" in answer.headers["Vary"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "sessionid" not in client.cookies


@pytest.mark.django_db
def test_a_call_speaks_the_language_that_it_asks_for_and_no_other_after_it(client: Client) -> None:
    german = client.post("/api/v1/auth/login", headers={"Accept-Language": "de"})
    plain = client.post("/api/v1/auth/login")

    assert german.headers["Content-Language"] == "de"
    assert plain.headers["Content-Language"] == "en"


@pytest.mark.django_db
def test_a_refused_call_is_logged_with_its_id_and_where_it_came_from(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="django_structlog"):
        client.get("/api/v1/cart", headers={"X-Request-Id": "who-was-this"})

    logged = caplog.records[-1].msg
    assert isinstance(logged, dict)
    assert (logged["code"], logged["request_id"]) == (401, "who-was-this")
    assert repr(logged["ip"]) == "'127.0.0.1'"


@pytest.mark.django_db
def test_the_admin_still_sends_people_to_its_address_with_a_slash(client: Client) -> None:
    assert client.get("/admin").headers["Location"] == "/admin/"


@pytest.mark.django_db
def test_a_revoked_token_opens_nothing_from_the_next_call_on(person_api: ApiClient) -> None:
    assert person_api.get("/cart").status_code == 200

    assert person_api.post("/auth/logout").status_code == 204

    assert person_api.get("/cart").status_code == 401
