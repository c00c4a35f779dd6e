"""Two hundred kinds of broken batch: reasons or a refusal, never a crash, never a lost good row."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from typing import Any, Final
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from redshop.core.ids import uuid7
from redshop.events.models import Event, RejectedEvent

pytestmark = pytest.mark.django_db

#: Values that no field of a row takes.
ODD: Final[dict[str, str]] = {
    "true": "true",
    "a list": "[]",
    "a full list": '[1, "a"]',
    "an object": "{}",
    "an object in an object": '{"a": {"b": 1}}',
    "minus one": "-1",
    "minus zero point five": "-0.5",
    "one and a half": "1.5",
    "two to the 63rd": "9223372036854775808",
    "ten to the 400th": "1e400",
    "a number of 5,000 digits": "9" * 5_000,
    "NaN": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "a lone surrogate": '"\\ud800"',
    "NUL": '"\\u0000"',
    "a text of 100,000 characters": '"' + "x" * 100_000 + '"',
}
FIELDS: Final = {
    "id": "the id",
    "kind": "the kind",
    "occurred_at": "the moment",
    "surface": "the surface",
    "request_id": "the request",
    "note_id": "the note",
    "product_id": "the product",
    "position": "the position",
    "dwell_ms": "the dwell",
    "completion": "the completion",
    "query": "the query",
}
IDS: Final = {
    "an empty id": "",
    "an id in braces": "{01890000-0000-7000-8000-000000000000}",
    "an id as a URN": "urn:uuid:01890000-0000-7000-8000-000000000000",
    "an id without hyphens": "01890000000070008000000000000000",
    "an id that is too short": "01890000-0000-7000-8000-00000000000",
    "an id with a space": " 01890000-0000-7000-8000-000000000000",
    "an id in full-width digits": "０1890000-0000-7000-8000-000000000000",
}
MOMENTS: Final = {
    "year 0": "0000-01-01T00:00:00Z",
    "year 1": "0001-01-01T00:00:00Z",
    "year 1 east of here": "0001-01-01T00:00:00+14:00",
    "year 9999": "9999-12-31T23:59:59Z",
    "year 9999 west of here": "9999-12-31T23:59:59-12:00",
    "year 10000": "10000-01-01T00:00:00Z",
    "a leap second": "2026-06-30T23:59:60Z",
    "the 30th of February": "2026-02-30T00:00:00Z",
    "no leap year": "2026-02-29T00:00:00Z",
    "hour 24": "2026-01-01T24:00:00Z",
    "a zone of 25 hours": "2026-01-01T00:00:00+25:00",
    "no zone": "2026-01-01T00:00:00",
    "no time": "2026-01-01",
    "seconds since 1970": "1767225600",
    "an empty moment": "",
    "words": "yesterday",
    "twelve digits of a second": "2026-01-01T00:00:00.123456789012Z",
    "a comma in the seconds": "2026-01-01T00:00:00,5Z",
    "digits of another script": "२०२६-01-01T00:00:00Z",
}
KINDS: Final = {
    **{f"the server's {kind}": kind for kind in ("like", "save", "cart_add", "order_paid")},
    "an unknown kind": "teleport",
    "a kind in capitals": "IMPRESSION",
    "a kind with a space": "impression ",
    "an empty kind": "",
}
ROWS: Final = {
    "null": "null",
    "a number": "1",
    "a text": '"impression"',
    "a list of pairs": '[["id", 1]]',
    "an empty object": "{}",
    "a field named twice": '{"id": "a", "id": "b"}',
    "its kind named twice": '{"kind": "read", "kind": "read"}',
    "an unknown field": '{"price": 1}',
    "a thousand unknown fields": json.dumps({f"f{n}": n for n in range(1_000)}),
    "a field with an empty name": '{"": 1}',
    "a field named by a lone surrogate": '{"\\ud800": 1}',
    "__proto__": '{"__proto__": {"kind": "read"}}',
    "lists thirty deep": "[" * 29 + "]" * 29,
    "objects thirty deep": '{"a":' * 28 + "1" + "}" * 28,
}


def now() -> str:
    return timezone.now().isoformat().replace("+00:00", "Z")


def good() -> dict[str, Any]:
    return {"id": str(uuid7()), "kind": "read", "occurred_at": now(), "completion": 0.5}


def bad_rows() -> Iterator[tuple[str, str]]:
    """Yield kinds of bad row by name, as they are written."""
    for (value, written), (name, called) in product(ODD.items(), FIELDS.items()):
        yield f"{called} is {value}", _with(name, written)
    for name, id_ in IDS.items():
        yield name, _with("id", json.dumps(id_))
    for name, moment in MOMENTS.items():
        yield name, _with("occurred_at", json.dumps(moment))
    for name, kind in KINDS.items():
        yield name, _with("kind", json.dumps(kind))
    for name, row in ROWS.items():
        yield f"a row is {name}", row
    yield "a moment long ago", _with("occurred_at", json.dumps(_ago(timedelta(days=31))))
    yield "a moment to come", _with("occurred_at", json.dumps(_ago(timedelta(hours=-1))))
    yield "a completion above one", _with("completion", "1.0000001")
    yield "a query of 201 characters", _with("query", json.dumps("x" * 201))
    yield "note zero", _with("note_id", "0")


def _with(name: str, written: str) -> str:
    fields = {key: json.dumps(value) for key, value in good().items()} | {name: written}
    return "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"


def _ago(time: timedelta) -> str:
    return (timezone.now() - time).isoformat().replace("+00:00", "Z")


def body(*rows: str, **fields: Any) -> bytes:
    said = {"sent_at": now(), "visitor_id": str(uuid4()), **fields}
    inner = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in said.items())
    return f'{{{inner}, "events": [{", ".join(rows)}]}}'.encode()


def one() -> bytes:
    return body(json.dumps(good()))


#: Whole bodies that are refused, by name: what is sent, and how.
BODIES: Final[dict[str, tuple[Callable[[], bytes], dict[str, str]]]] = {
    "nothing": (lambda: b"", {}),
    "a space": (lambda: b" ", {}),
    "no JSON": (lambda: b"hello", {}),
    "half of JSON": (lambda: one()[:-9], {}),
    "two documents": (lambda: one() + one(), {}),
    "a list": (lambda: b"[]", {}),
    "a number": (lambda: b"1", {}),
    "null": (lambda: b"null", {}),
    "UTF-16": (lambda: one().decode().encode("utf-16"), {}),
    "a byte order mark": (lambda: b"\xef\xbb\xbf" + one(), {}),
    "bytes that are no text": (lambda: bytes(range(256)), {}),
    "lists 100,000 deep": (lambda: b"[" * 100_000, {}),
    "closed lists 100,000 deep": (lambda: b"[" * 100_000 + b"]" * 100_000, {}),
    "a row 40 deep": (lambda: body("[" * 40 + "]" * 40), {}),
    "an unknown field in the envelope": (lambda: body(json.dumps(good()), colour="red"), {}),
    "1,001 rows": (lambda: body(*["1"] * 1_001), {}),
    "more than a mebibyte": (lambda: body('"' + "x" * (1 << 20) + '"'), {}),
    "no moment of sending": (lambda: body(json.dumps(good()), sent_at=None), {}),
    "a wrong moment of sending": (lambda: body(json.dumps(good()), sent_at="now"), {}),
    "a moment of sending in year 0": (lambda: body(sent_at="0000-01-01T00:00:00Z"), {}),
    "a visitor that is no UUID": (lambda: body(visitor_id="me"), {}),
    "no visitor": (lambda: body(visitor_id=None), {}),
    "a session that is a number": (lambda: body(session_id=7), {}),
    "another visitor in the header": (one, {"X-Visitor-Id": str(uuid4())}),
    "a header that is no UUID": (one, {"X-Visitor-Id": "me"}),
    "plain called gzip": (one, {"Content-Encoding": "gzip"}),
    "half of gzip": (lambda: gzip.compress(one())[:-20], {"Content-Encoding": "gzip"}),
    "gzip with something after it": (
        lambda: gzip.compress(one()) + b"more", {"Content-Encoding": "gzip"}
    ),
    "two members of gzip": (
        lambda: gzip.compress(one()) + gzip.compress(one()), {"Content-Encoding": "gzip"}
    ),
    "gzip in gzip": (lambda: gzip.compress(gzip.compress(one())), {"Content-Encoding": "gzip"}),
    "gzip whose sum is wrong": (
        lambda: gzip.compress(one())[:-8] + b"\0" * 8, {"Content-Encoding": "gzip"}
    ),
    "deflate called gzip": (lambda: zlib.compress(one()), {"Content-Encoding": "gzip"}),
    "an empty gzip": (lambda: gzip.compress(b""), {"Content-Encoding": "gzip"}),
    "gzip that is not named": (lambda: gzip.compress(one()), {}),
    "a bomb of a gibibyte": (
        lambda: _bomb(1 << 30), {"Content-Encoding": "gzip"}
    ),
    "brotli": (one, {"Content-Encoding": "br"}),
    "deflate": (lambda: zlib.compress(one()), {"Content-Encoding": "deflate"}),
    "two encodings": (lambda: gzip.compress(one()), {"Content-Encoding": "gzip, gzip"}),
}  # fmt: skip


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b"0" * (1 << 20)) for _ in range(size >> 20)]
    return b"".join([*parts, packer.flush()])


def post(content: bytes, kind: str = "application/json", **headers: str) -> Any:
    return Client(raise_request_exception=False).post(
        "/api/v1/events", content, content_type=kind, headers=headers
    )


def test_there_are_two_hundred_kinds_and_more() -> None:
    names = [name for name, _ in bad_rows()] + list(BODIES)

    assert len(set(names)) == len(names) >= 250


def test_every_kind_of_bad_row_is_refused_with_a_reason_beside_good_ones() -> None:
    """Each kind goes between two good rows, so that a row that spoils a batch would be seen."""
    for name, row in bad_rows():
        first, last = good(), good()

        response = post(body(json.dumps(first), row, json.dumps(last)))

        assert response.status_code == 202, (name, response.content)
        answer = response.json()
        [rejection] = answer["rejected"] or [None]
        assert rejection, (name, answer)
        assert (answer["accepted"], answer["duplicates"], rejection["index"]) == (2, 0, 1), name
        assert rejection["code"], name
        assert rejection["message"], name
        assert Event.objects.filter(pk__in=[first["id"], last["id"]]).count() == 2, name
    assert RejectedEvent.objects.exists()


@pytest.mark.parametrize("name", BODIES)
def test_every_kind_of_bad_envelope_changes_nothing(name: str) -> None:
    content, headers = BODIES[name]

    response = post(content(), **headers)

    assert 400 <= response.status_code < 500, (name, response.content)
    assert response["Content-Type"] == "application/problem+json", name
    assert response.json()["code"], name
    assert not Event.objects.exists()
    assert not RejectedEvent.objects.exists()


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "x", ""]
)
def test_what_is_not_json_by_its_own_account_changes_nothing(kind: str) -> None:
    response = post(one(), kind)

    assert 400 <= response.status_code < 500
    assert not Event.objects.exists()


def test_an_id_that_is_twice_in_a_batch_counts_once() -> None:
    twice = good()

    shouted = twice | {"id": twice["id"].upper()}
    answer = post(body(*(json.dumps(row) for row in (twice, twice, shouted)))).json()

    assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (1, 2, [])
