"""Whatever goes wrong under the API is told as application/problem+json."""

from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.test import Client
from rest_framework import exceptions

from redshop.core.api.problems import exception_handler
from redshop.core.errors import Busy, DomainError, InvalidInput


def answer(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    response = exception_handler(error, {})
    assert response is not None
    assert response.content_type == "application/problem+json"
    return response.status_code, response.data, dict(response.headers)


def test_a_refusal_says_its_code_and_its_sentence() -> None:
    status, body, headers = answer(Busy())

    assert status == 409
    assert body == {
        "type": "urn:redshop:problem:busy",
        "title": "Conflict",
        "status": 409,
        "code": "busy",
        "detail": "Others are changing the same thing; try again shortly.",
        "request_id": "",
    }
    assert headers["Retry-After"] == "1"


def test_a_refusal_can_carry_what_the_caller_needs_to_know() -> None:
    _, body, _ = answer(DomainError("No.", sku_ids=[3]))

    assert (body["detail"], body["sku_ids"]) == ("No.", [3])


def test_an_invalid_field_is_pointed_at() -> None:
    error = exceptions.ValidationError(
        {"lines": [{}, {"a/b~c": [exceptions.ErrorDetail("Too small.", code="min_value")]}]}
    )

    status, body, _ = answer(error)

    assert (status, body["code"]) == (400, "invalid")
    assert body["errors"] == [
        {"pointer": "/lines/1/a~1b~0c", "code": "min_value", "message": "Too small."}
    ]


def test_an_unknown_field_has_its_own_code() -> None:
    detail = exceptions.ErrorDetail("Unknown field.", code="unknown_field")

    assert answer(exceptions.ValidationError({"quantty": [detail]}))[1]["code"] == "unknown_field"


def test_what_is_wrong_with_the_whole_has_an_empty_pointer() -> None:
    error = exceptions.ValidationError({"non_field_errors": ["These do not go together."]})

    assert answer(error)[1]["errors"][0]["pointer"] == ""


def test_invalid_input_found_by_the_domain_looks_the_same() -> None:
    status, body, _ = answer(InvalidInput(pointer="/from", code="invalid", message="Not a day."))

    assert (status, body["code"]) == (400, "invalid")
    assert body["errors"] == [{"pointer": "/from", "code": "invalid", "message": "Not a day."}]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (exceptions.NotAuthenticated(), 401, "authentication_required"),
        (exceptions.AuthenticationFailed(), 401, "invalid_token"),
        (exceptions.PermissionDenied(), 403, "forbidden"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type"),
        (exceptions.ParseError(), 400, "malformed"),
        (RequestDataTooBig(), 413, "too_large"),
        (SuspiciousOperation(), 400, "malformed"),
    ],
)
def test_what_the_framework_refuses_has_a_stable_code(
    error: Exception, status: int, code: str
) -> None:
    got, body, _ = answer(error)

    assert (got, body["status"], body["code"]) == (status, status, code)


def test_a_limit_says_when_to_come_back() -> None:
    status, _, headers = answer(exceptions.Throttled(wait=12))

    assert (status, headers["Retry-After"]) == (429, "12")


def test_what_nobody_foresaw_is_left_to_the_handler_of_last_resort() -> None:
    assert exception_handler(ZeroDivisionError(), {}) is None


def test_an_address_where_nothing_lives_is_a_problem_under_the_api_only(client: Client) -> None:
    under = client.get("/api/v1/nowhere", headers={"x-request-id": "request-1234"})
    outside = client.get("/nowhere")

    assert under.status_code == outside.status_code == 404
    assert under["Content-Type"] == "application/problem+json"
    assert under.json()["request_id"] == under["X-Request-Id"] == "request-1234"
    assert outside["Content-Type"].startswith("text/html")
