import gzip
import hashlib
import json
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from redshop.accounts.models import AccessToken, User
from redshop.core.ids import uuid7
from redshop.events import partitions
from redshop.events.models import Event, RejectedEvent
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db

VISITOR = str(uuid4())


def now() -> str:
    return timezone.now().isoformat().replace("+00:00", "Z")


def row(**fields: Any) -> dict[str, Any]:
    return {"id": str(uuid7()), "kind": "note_open", "occurred_at": now(), "note_id": 7, **fields}


def envelope(*rows: Any, **fields: Any) -> dict[str, Any]:
    return {"sent_at": now(), "visitor_id": VISITOR, "events": list(rows), **fields}


def post(body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = Client(raise_request_exception=False)
    return client.post(
        "/api/v1/events",
        raw,
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def assert_refused(response: Any, status: int, code: str) -> None:
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == code
    assert Event.objects.count() == 0
    assert RejectedEvent.objects.count() == 0


@pytest.fixture
def token() -> str:
    user = User.objects.create(handle="ada", email="ada@example.com", population="simulated")
    AccessToken.objects.create(
        user=user,
        digest=hashlib.sha256(b"key").hexdigest(),
        created_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=1),
    )
    return "Bearer key"


def test_a_visitor_reports_what_they_saw() -> None:
    good, bad = row(), row(kind="order_paid")

    response = post(envelope(good, bad, good, session_id=str(uuid4())))

    assert response.status_code == 202
    assert response.json() == {
        "accepted": 1,
        "duplicates": 1,
        "rejected": [
            {
                "index": 1,
                "id": bad["id"],
                "code": "server_kind",
                "message": "Only the server states events of this kind.",
            }
        ],
    }
    event = Event.objects.get()
    assert (event.person_id, str(event.visitor_id)) == (None, VISITOR)
    assert (event.population, event.source) == ("real", "client")


def test_a_person_reports_as_themselves(token: str) -> None:
    response = post(envelope(row()), Authorization=token)

    event = Event.objects.get()
    assert response.status_code == 202
    assert event.person_id == User.objects.get().pk
    assert (event.population, str(event.visitor_id)) == ("simulated", VISITOR)


def test_the_visitor_may_be_named_by_the_header_alone() -> None:
    response = post(envelope(row(), visitor_id=None), X_Visitor_Id=VISITOR)

    assert response.status_code == 202
    assert str(Event.objects.get().visitor_id) == VISITOR


def test_header_and_body_may_name_the_same_visitor() -> None:
    assert post(envelope(row()), X_Visitor_Id=VISITOR.upper()).status_code == 202


def test_a_visitor_cannot_speak_for_another() -> None:
    assert_refused(post(envelope(row()), X_Visitor_Id=str(uuid4())), 400, "invalid")


def test_a_visitor_header_must_be_a_uuid() -> None:
    assert_refused(post(envelope(row()), X_Visitor_Id="me"), 400, "invalid")


def test_somebody_must_have_done_it(token: str) -> None:
    assert_refused(post(envelope(row(), visitor_id=None)), 400, "invalid")

    assert post(envelope(row(), visitor_id=None), Authorization=token).status_code == 202


def test_a_forged_token_reports_nothing() -> None:
    assert_refused(post(envelope(row()), Authorization="Bearer forged"), 401, "invalid_token")


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_a_batch_may_be_packed(encoding: str) -> None:
    packed = gzip.compress(json.dumps(envelope(row(), row())).encode())

    response = post(packed, Content_Encoding=encoding)

    assert response.json() == {"accepted": 2, "duplicates": 0, "rejected": []}


PACKED = gzip.compress(json.dumps(envelope(row())).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"not gzip",
        json.dumps(envelope(row())).encode(),
        PACKED[:-1],
        PACKED[:20],
        PACKED[:-8] + b"\0" * 8,
        PACKED + b"more",
        PACKED + PACKED,
        zlib.compress(json.dumps(envelope(row())).encode()),
        gzip.compress(PACKED),
        gzip.compress(b""),
    ],
)
def test_wrong_gzip_is_refused(body: bytes) -> None:
    assert_refused(post(body, Content_Encoding="gzip"), 400, "malformed")


def test_an_encoding_that_nobody_speaks_is_refused() -> None:
    assert_refused(post(b"x", Content_Encoding="br"), 415, "unsupported_media_type")


def test_a_bomb_is_defused_while_it_unpacks() -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    tracemalloc.start()

    response = post(bomb, Content_Encoding="gzip")

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert_refused(response, 413, "too_large")
    assert peak < 10_000_000


@pytest.mark.parametrize("headers", [{}, {"Content_Encoding": "gzip"}])
def test_more_than_a_mebibyte_is_refused(headers: dict[str, str]) -> None:
    assert_refused(post(b" " * (1024 * 1024 + 1), **headers), 413, "too_large")


def test_a_mebibyte_is_fine() -> None:
    body = json.dumps(envelope(row())).encode()

    assert post(body.ljust(1024 * 1024)).status_code == 202


def test_more_than_a_thousand_events_are_refused() -> None:
    assert_refused(post(envelope(*[row()] * 1_001)), 413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b"NaN",
        b"{}",
        b"[" * 500_000,
        b'{"a":' * 100_000,
        json.dumps(envelope(row())).encode("utf-16"),
        json.dumps(envelope(row())).encode("utf-8-sig"),
        json.dumps(envelope(row(query=[[[[0]]]]))).replace("[0]", "[" * 40 + "]" * 40).encode(),
        json.dumps(envelope(row())).replace("{", '{"sent_at": 1, "sent_at": 2,', 1).encode(),
    ],
)
def test_an_unreadable_envelope_is_refused(body: bytes) -> None:
    response = post(body)

    assert response.json()["code"] in {"malformed", "invalid"}
    assert_refused(response, 400, response.json()["code"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sent_at": None}, "invalid"),
        ({"sent_at": "soon"}, "invalid"),
        ({"sent_at": 7}, "invalid"),
        ({"sent_at": "0000-01-01T00:00:00Z"}, "invalid"),
        ({"sent_at": "2026-01-01T00:00:00"}, "invalid"),
        ({"visitor_id": "me"}, "invalid"),
        ({"visitor_id": 7}, "invalid"),
        ({"visitor_id": "\ud800"}, "invalid"),
        ({"session_id": []}, "invalid"),
        ({"events": None}, "invalid"),
        ({"events": {}}, "invalid"),
        ({"events": "rows"}, "invalid"),
        ({"device": "phone"}, "unknown_field"),
        ({"\ud800": 1}, "invalid"),
        ({"\x00": 1}, "invalid"),
    ],
)
def test_an_envelope_of_the_wrong_shape_is_refused(fields: dict[str, Any], code: str) -> None:
    assert_refused(post(envelope(row(), **fields)), 400, code)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (b'{"id": "x", "id": "y"}', "invalid_event"),
        (b'{"id": NaN}', "invalid_kind"),
        (b'{"\\ud800": 1}', "unknown_field"),
        (b'{"kind": "read", "id": "\\ud800\\u0000"}', "invalid_id"),
        (b'{"kind": "read", "id": "\xff\xfe"}', "invalid_id"),
        (b'{"kind": "\xff"}', "unknown_kind"),
        (b'{"kind": ' + b"9" * 100_000 + b"}", "invalid_kind"),
        (b"-" + b"9" * 5_000, "invalid_event"),
        (b"1e999999", "invalid_event"),
        (b"-Infinity", "invalid_event"),
        (b"[" * 20 + b"]" * 20, "invalid_event"),
    ],
)
def test_a_broken_row_spoils_only_itself(broken: bytes, code: str) -> None:
    body = json.dumps(envelope(row(), "HERE", row())).encode().replace(b'"HERE"', broken)

    response = post(body)

    assert response.status_code == 202
    assert response.json()["accepted"] == 2
    assert [each["code"] for each in response.json()["rejected"]] == [code]
    assert RejectedEvent.objects.get().code == code
    assert Event.objects.count() == 2


def test_a_batch_of_any_size_takes_the_same_few_statements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partitions, "_known", set())
    post(envelope(row()))

    def send(size: int) -> Callable[[], Any]:
        rows = [row() for _ in range(size)] + [row(kind="like") for _ in range(size)]
        body = envelope(*rows)
        return lambda: post(body)

    assert_query_count("POST /events", lambda: send(1), lambda: send(100))


def test_reading_the_log_is_not_offered() -> None:
    assert Client().get("/api/v1/events").status_code == 405
