"""Whatever a client sends: an answer, never a crash, and never a lost good row."""

import gzip
import json
import math
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from redshop.core.ids import uuid7
from redshop.events.models import Event

FIELDS = [
    "id",
    "kind",
    "occurred_at",
    "surface",
    "request_id",
    "note_id",
    "product_id",
    "position",
    "dwell_ms",
    "completion",
    "query",
]
TEXTS = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    ["", "\x00", "\ud800", "impression", "like", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.just(10**60)
    | st.floats()
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
ALMOST = st.dictionaries(st.sampled_from(FIELDS) | TEXTS, VALUES, max_size=12)
RULES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def now() -> str:
    return timezone.now().isoformat().replace("+00:00", "Z")


def good() -> dict[str, Any]:
    return {"id": str(uuid7()), "kind": "read", "occurred_at": now(), "completion": 0.5}


def written(value: Any) -> bytes:
    """Write JSON as carelessly as clients do: NaN, numbers without end, lone surrogates."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**40:
        return b"9" * 5_000
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value).replace("nan", "NaN").replace("inf", "Infinity").encode()
    if isinstance(value, list):
        return b"[" + b",".join(map(written, value)) + b"]"
    if isinstance(value, dict):
        pairs = [written(key) + b":" + written(inner) for key, inner in value.items()]
        return b"{" + b",".join(pairs) + b"}"
    return json.dumps(value).encode()


def post(body: bytes, **headers: str) -> Any:
    return Client(raise_request_exception=False).post(
        "/api/v1/events", body, content_type="application/json", headers=headers
    )


def assert_problem(response: Any) -> None:
    assert 400 <= response.status_code < 500, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert Event.objects.count() == 0


class AnyBatch(TestCase):
    @RULES
    @given(st.lists(VALUES | ALMOST, max_size=8), st.integers(0, 3))
    def test_good_rows_survive_any_company(self, odd: list[Any], count: int) -> None:
        kept = [good() for _ in range(count)]
        rows = [row for pair in zip(odd, kept, strict=False) for row in pair]
        rows += odd[len(kept) :] + kept[len(odd) :]
        envelope = {"sent_at": now(), "visitor_id": str(uuid7()), "events": rows}

        response = post(written(envelope))

        assert response.status_code == 202, response.content
        answer = response.json()
        assert answer["accepted"] >= count
        assert answer["accepted"] + answer["duplicates"] + len(answer["rejected"]) == len(rows)
        taken = {str(pk) for pk in Event.objects.values_list("pk", flat=True)}
        assert {row["id"] for row in kept} <= taken

    @RULES
    @given(
        st.dictionaries(
            st.sampled_from(["sent_at", "visitor_id", "session_id", "events"]) | TEXTS,
            VALUES,
            max_size=5,
        )
    )
    def test_any_envelope_gets_an_answer(self, envelope: dict[str, Any]) -> None:
        assert_problem(post(written(envelope)))

    @RULES
    @given(st.binary(max_size=200))
    def test_any_bytes_get_an_answer(self, body: bytes) -> None:
        assert_problem(post(body))
        assert_problem(post(body, **{"Content-Encoding": "gzip"}))
        assert_problem(post(gzip.compress(body), **{"Content-Encoding": "gzip"}))

    @RULES
    @given(st.integers(0, 400), st.integers(0, 7))
    def test_a_flipped_bit_gets_an_answer(self, place: int, bit: int) -> None:
        body = bytearray(
            json.dumps({"sent_at": now(), "visitor_id": str(uuid7()), "events": [good()]}).encode()
        )
        body[place % len(body)] ^= 1 << bit

        response = post(bytes(body))

        assert response.status_code in {202, 400}


pytestmark = pytest.mark.django_db
