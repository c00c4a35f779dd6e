"""Bad input gets a clear problem answer and changes nothing, at every operation."""

import json
from typing import Any, Final
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from redshop.accounts.models import User
from redshop.core.models import IdempotencyKey
from tests.contract.operations import Operation, operations

pytestmark = pytest.mark.django_db

OPERATIONS: Final = list(operations())
WITH_BODY: Final = [operation for operation in OPERATIONS if operation.takes_json]
WITH_PLACEHOLDER: Final = [operation for operation in OPERATIONS if "{" in operation.path]
WITH_QUERY: Final = [operation for operation in OPERATIONS if operation.parameters("query")]

UNREADABLE: Final = [
    b"{",
    b"\xff\xfe",
    b'{"a": NaN}',
    b'{"a": "\\ud800"}',
    b'{"a": "\\u0000"}',
    b"[" * 100_000,
]
NOT_AN_OBJECT: Final = [b"[]", b"null", b'"text"', b"7", b"[[{}]]"]
ODD_VALUES: Final[list[Any]] = [
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x" * 100_000,
    "\u202e💥' OR 1=1 --",
    [],
    [[[]]],
    {},
    {"a": {"b": [1]}},
    "9999-99-99T99:99:99Z",
]
ODD_TEXTS: Final = [
    "",
    "-1",
    "0",
    "9" * 40,
    "NaN",
    "abc",
    "💥",
    "%00",
    "2026-13-45",
    "a,b;c",
    "'",
    "../x",
]


@pytest.fixture
def person_headers(person_api: Any) -> dict[str, str]:
    """Return the headers of an ordinary person, with a fresh idempotency key."""
    return {"Authorization": f"Bearer {person_api.token}", "Idempotency-Key": str(uuid4())}


def snapshot() -> dict[str, int]:
    """Count the rows of every table of the project, but for the refusals that keys keep."""
    tables = [
        model._meta.db_table
        for model in apps.get_models()
        if model._meta.managed
        and model._meta.app_label not in {"sessions", "contenttypes"}
        and model is not IdempotencyKey
    ]
    with connection.cursor() as cursor:
        counts = [f"SELECT '{table}', count(*) FROM {table}" for table in tables]  # noqa: S608 - our own names
        cursor.execute(" UNION ALL ".join(counts))
        return dict(cursor.fetchall())


def assert_refused_or_fine(response: Any, before: dict[str, int], case: str) -> None:
    """A 4xx is a problem document and has changed nothing; nothing is ever a 5xx."""
    assert response.status_code < 500, case
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json", case
        body = json.loads(response.content)
        assert body["status"] == response.status_code, case
        assert body["code"], case
        assert snapshot() == before, case


def assert_refused(response: Any, before: dict[str, int], case: str) -> None:
    assert 400 <= response.status_code < 500, f"{case}: {response.status_code}"
    assert_refused_or_fine(response, before, case)


def send(operation: Operation, address: str, headers: dict[str, str], body: bytes = b"") -> Any:
    client = Client(raise_request_exception=False)
    return client.generic(
        operation.method.upper(), address, body, content_type="application/json", headers=headers
    )


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_body_that_is_not_a_json_object_is_refused(
    operation: Operation, person_headers: dict[str, str]
) -> None:
    before = snapshot()
    for body in [*UNREADABLE, *NOT_AN_OBJECT]:
        response = send(operation, operation.address(), person_headers, body)

        assert_refused(response, before, f"{operation} {body[:20]!r}")


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_a_field_that_nobody_knows_is_refused(
    operation: Operation, person_headers: dict[str, str]
) -> None:
    before = snapshot()

    response = send(operation, operation.address(), person_headers, b'{"no_such_field": 1}')

    assert_refused(response, before, str(operation))


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_odd_values_in_any_field_never_break_anything(
    operation: Operation, person_headers: dict[str, str]
) -> None:
    for field in operation.body_fields():
        for value in ODD_VALUES:
            before = snapshot()
            body = json.dumps({field: value}).encode()

            response = send(operation, operation.address(), person_headers, body)

            assert_refused_or_fine(response, before, f"{operation} {field}={str(value)[:40]!r}")


@pytest.mark.parametrize("operation", WITH_PLACEHOLDER, ids=str)
@pytest.mark.parametrize(
    "value", ["999999999", "9223372036854775808", "-1", "abc", "💥", "%00", "a" * 300]
)
def test_an_id_that_is_not_there_is_not_found(
    operation: Operation, value: str, person_headers: dict[str, str]
) -> None:
    before = snapshot()

    response = send(operation, operation.address(value), person_headers, b"{}")

    assert_refused(response, before, f"{operation} {value}")


@pytest.mark.parametrize("operation", WITH_QUERY, ids=str)
def test_odd_parameters_never_break_anything(
    operation: Operation, person_headers: dict[str, str]
) -> None:
    for name in operation.parameters("query"):
        for value in ODD_TEXTS:
            before = snapshot()
            address = f"{operation.address()}?{name}={value}"

            response = send(operation, address, person_headers)

            assert_refused_or_fine(response, before, address)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize(
    "authorization", ["Bearer forged", "Bearer", "Bearer \x7f\xff", "Basic YTpi", "Bearer a b c"]
)
def test_a_forged_token_opens_nothing(operation: Operation, authorization: str) -> None:
    before = snapshot()

    response = send(operation, operation.address(), {"Authorization": authorization}, b"{}")

    if authorization.startswith("Bearer") and operation.takes_token:
        assert response.status_code == 401, f"{operation} {authorization}"
    assert_refused_or_fine(response, before, f"{operation} {authorization}")


def test_an_oversized_body_is_refused(person_headers: dict[str, str]) -> None:
    before = snapshot()
    body = json.dumps({"title": "x" * 3 * 1024 * 1024}).encode()
    operation = next(o for o in OPERATIONS if str(o) == "POST /api/v1/notes")

    response = send(operation, "/api/v1/notes", person_headers, body)

    assert response.status_code == 413
    assert_refused(response, before, "oversized")


@pytest.mark.parametrize("address", ["/admin/", "/admin/accounts/user/", "/admin/orders/order/"])
def test_an_ordinary_person_gets_no_admin(address: str, person: User) -> None:
    client = Client()
    client.force_login(person)

    response = client.get(address)

    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")
