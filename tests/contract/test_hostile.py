"""Three hundred hostile inputs: each is refused in so many words, and nothing is stored."""

import gzip
import io
import json
import struct
import zlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any, Final
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from orders.providers.signatures import signature_of
from redshop.accounts.factories import UserFactory
from tests.companies import WEBHOOK_SECRET
from tests.conftest import token_of
from tests.contract.test_permissions import everything

pytestmark = pytest.mark.django_db


def a_picture(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, kind)
    return out.getvalue()


def a_bomb(width: int, height: int) -> bytes:
    """Return a small PNG that says it has very many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 200_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PNG, JPEG, WEBP = a_picture("PNG"), a_picture("JPEG"), a_picture("WEBP")
SCRIPTS: Final = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "php": b"<?php system($_GET['c']); ?>",
    "shell": b"#!/bin/sh\nrm -rf /\n",
    "elf": b"\x7fELF\x02\x01\x01" + b"\0" * 64,
    "exe": b"MZ" + b"\0" * 64,
    "zip": b"PK\x03\x04" + b"\0" * 64,
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "gif": b"GIF89a" + b"\0" * 64,
    "gif and html": b"GIF89a/*<script>alert(1)</script>*/",
    "bmp": b"BM" + b"\0" * 64,
    "tiff": b"II*\0" + b"\0" * 64,
    "icc": b"\0\0\0\x0cjP  \r\n\x87\n",
    "text": b"just words",
    "nothing": b"",
    "zeros": b"\0" * 1000,
    "ones": b"\xff" * 1000,
}
TYPES: Final = ("image/png", "image/jpeg", "image/svg+xml", "video/mp4", "")
DAMAGED: Final = {
    "a PNG cut short": PNG[: len(PNG) // 2],
    "a JPEG cut short": JPEG[:60],
    "a WebP cut short": WEBP[: len(WEBP) // 2],
    "a head of PNG": PNG[:8],
    "a head of JPEG": JPEG[:3],
    "a head of WebP": WEBP[:12],
    "a PNG with other bytes": PNG[:60] + bytes(range(256)) + PNG[60:90],
    "a head of MP4": b"\0\0\0\x18ftypisom" + b"\0" * 16,
    "an MP4 that says it is huge": struct.pack(">I", 2**32 - 1) + b"ftypisom" + b"\0" * 64,
    "an MP4 in itself": (b"\0\0\0\x18ftypisom\0\0\0\0isom" + b"\0\0\0\0moov") * 3,
    "a bomb of pixels": a_bomb(60_000, 60_000),
    "a bomb of rows": a_bomb(1, 2**31 - 1),
    "a picture of no size": a_bomb(0, 0),
    "a picture of negative size": a_bomb(2**32 - 1, 2**32 - 1),
}
MISLABELLED: Final = [
    (PNG, "image/jpeg"), (JPEG, "image/png"), (WEBP, "image/png"), (PNG, "video/mp4"),
    (JPEG, "text/html"), (PNG, "image/svg+xml"), (WEBP, "application/x-sh"),
]  # fmt: skip


def uploads() -> Iterator[Any]:
    for (name, body), kind in product(SCRIPTS.items(), TYPES):
        yield pytest.param(body, kind, id=f"{name} as {kind or 'nothing'}")
    for (name, body), kind in product(DAMAGED.items(), ("image/png", "")):
        yield pytest.param(body, kind, id=f"{name} as {kind or 'nothing'}")
    for number, (body, kind) in enumerate(MISLABELLED):
        yield pytest.param(body, kind, id=f"mislabelled {number} as {kind}")


@pytest.fixture
def token(settings: Any, tmp_path: Any) -> str:
    settings.MEDIA_ROOT = tmp_path
    return token_of(UserFactory.create())


def refused(response: Any) -> None:
    assert 400 <= response.status_code < 500, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["code"]


@pytest.mark.parametrize(("body", "kind"), list(uploads()))
def test_an_upload_that_is_not_what_it_may_be_leaves_nothing(
    body: bytes, kind: str, token: str, tmp_path: Any
) -> None:
    before = everything()

    file = SimpleUploadedFile("../../x.png", body, content_type=kind)
    response = Client().post(
        "/api/v1/media",
        {"file": file},
        headers={"Authorization": f"Bearer {token}"},
    )

    refused(response)
    assert everything() == before
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


#: Texts that no field takes, as JSON.
TEXTS: Final = {
    "a NUL": r'"a\u0000b"',
    "half a pair": r'"\ud83d"',
    "the other half": r'"\ude00 x"',
    "too long": json.dumps("x" * 20_000),
    "a number": "7",
    "a huge number": "1" * 5_000,
    "a list": '["a"]',
    "an object": '{"$gt": ""}',
    "nothing": "null",
    "not a number": "NaN",
    "infinity": "-Infinity",
    "a boolean": "true",
}
FIELDS: Final = [
    ("POST", "/notes", '{"type": "text", "title": %s}'),
    ("POST", "/notes", '{"title": "Tea", "type": %s}'),
    ("POST", "/notes", '{"type": "text", "title": "Tea", "topics": %s}'),
    ("POST", "/auth/register", '{"email": "a@b.example", "password": "a long one", "handle": %s}'),
    ("PUT", "/me/preferences", '{"topics": %s}'),
    ("POST", "/checkout/quote", '{"address": %s}'),
]


@pytest.mark.parametrize(("method", "path", "body"), FIELDS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_that_no_field_takes_leaves_nothing(
    method: str, path: str, body: str, text: str, token: str
) -> None:
    if (path, text) == ("/me/preferences", TEXTS["an object"]):
        text = '{"$gt": {"a": 1}}'
    if '"title": %s' in body and text in {"7", "1" * 5_000}:
        text = "{}"  # a number is taken for its digits
    before = everything()

    response = Client().generic(
        method,
        f"/api/v1{path}",
        (body % text).encode(),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )

    refused(response)
    assert everything() == before


_BATCH: Final = json.dumps({"sent_at": "2026-01-01T00:00:00Z", "events": []}).encode()
BODIES: Final = {
    "gzip that is none": (b"not gzip", {"Content-Encoding": "gzip"}),
    "gzip cut short": (gzip.compress(_BATCH)[:-9], {"Content-Encoding": "gzip"}),
    "gzip with a tail": (gzip.compress(_BATCH) + b"tail", {"Content-Encoding": "gzip"}),
    "a bomb of gzip": (gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}),
    "gzip in gzip": (gzip.compress(gzip.compress(_BATCH)), {"Content-Encoding": "gzip"}),
    "brotli": (_BATCH, {"Content-Encoding": "br"}),
    "two encodings": (gzip.compress(_BATCH), {"Content-Encoding": "gzip, gzip"}),
    "UTF-16": (_BATCH.decode().encode("utf-16"), {}),
    "a visitor that is none": (_BATCH, {"X-Visitor-Id": "1; DROP TABLE events_event"}),
    "another visitor": (_BATCH[:-1] + b', "visitor_id": "%s"}' % str(uuid4()).encode(), {
        "X-Visitor-Id": str(uuid4())
    }),
    "deep": (b"[" * 50_000 + b"]" * 50_000, {}),
    "twice the same name": (b'{"sent_at": 1, "sent_at": 2, "events": []}', {}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "headers"), BODIES.values(), ids=BODIES)
def test_a_batch_that_cannot_be_read_leaves_nothing(body: bytes, headers: dict[str, str]) -> None:
    before = everything()

    response = Client().generic(
        "POST", "/api/v1/events", body, content_type="application/json", headers=headers
    )

    refused(response)
    assert everything() == before


KEYS: Final = ["", "1", "null", "x" * 36, "../../../etc", "'; DROP TABLE orders_order; --", "é" * 8]
AUTHORIZATIONS: Final = [
    "", "Bearer", "Bearer ", "Bearer null", "Bearer undefined", "Bearer x y", "Basic YTpi",
    "Bearer " + "a" * 8_000, "Bearer ../../etc/passwd", "Bearer ' OR 1=1 --", "Bearer eyJhbGciOi",
    "Token a", "bearer\tx", "Digest username=root",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("path", ["/checkout", f"/orders/{uuid4()}/payments"])
def test_a_key_that_is_none_buys_nothing(path: str, key: str, token: str) -> None:
    before = everything()

    response = Client().post(
        f"/api/v1{path}",
        "{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
    )

    refused(response)
    assert everything() == before


@pytest.mark.parametrize("authorization", AUTHORIZATIONS)
@pytest.mark.parametrize("call", [("POST", "/notes"), ("DELETE", "/me"), ("GET", "/orders")])
def test_a_token_that_is_none_is_nobodys(call: tuple[str, str], authorization: str) -> None:
    before = everything()

    response = Client().generic(
        call[0], f"/api/v1{call[1]}", b"{}", content_type="application/json",
        headers={"Authorization": authorization},
    )  # fmt: skip

    assert response.status_code == 401
    refused(response)
    assert everything() == before


def signatures() -> Iterator[Any]:
    """Yield signatures that are forged, stale, of another body, or nonsense."""
    body = b'{"id": "evt_1", "type": "charge.succeeded"}'
    now = int(timezone.now().timestamp())
    right = signature_of(body, secret=WEBHOOK_SECRET, moment=now)
    stale = now - int(timedelta(hours=2).total_seconds())
    told = {
        "none": "",
        "nonsense": "nonsense",
        "empty parts": "t=,v1=",
        "no proof": f"t={now}",
        "no moment": f"v1={right}",
        "another secret": f"t={now},v1={signature_of(body, secret='guess', moment=now)}",
        "another body": f"t={now},v1={signature_of(b'{}', secret=WEBHOOK_SECRET, moment=now)}",
        "another moment": f"t={now + 1},v1={right}",
        "stale": f"t={stale},v1={signature_of(body, secret=WEBHOOK_SECRET, moment=stale)}",
        "cut short": f"t={now},v1={right[:-1]}",
        "too long": f"t={now},v1={right}0",
        "zeros": f"t={now},v1={'0' * 64}",
        "a negative moment": f"t=-1,v1={right}",
        "a huge moment": f"t={'9' * 300},v1={right}",
        "digits of elsewhere": f"t=١٢٣,v1={right}",
        "letters": f"t=now,v1={right}",
        "another version": f"t={now},v0={right}",
        "a list": f"t={now},v1={right[:10]},v1={right[:20]}",
    }
    for (name, signature), company in product(told.items(), ("sandbox", "stripe", "link-outs")):
        yield pytest.param(company, body, signature, id=f"{name} for {company}")
    yield pytest.param("nobody", body, f"t={now},v1={right}", id="a company that is none")


@pytest.mark.parametrize(("company", "body", "signature"), list(signatures()))
def test_a_forged_webhook_is_not_believed(company: str, body: bytes, signature: str) -> None:
    names = {"stripe": "Stripe-Signature", "link-outs": "Redshop-Signature"}
    path = "link-outs" if company == "link-outs" else f"payments/{company}"
    before = everything()

    response = Client().post(
        f"/api/v1/webhooks/{path}",
        data=body,
        content_type="application/json",
        headers={names.get(company, "Sandbox-Signature"): signature},
    )

    refused(response)
    assert everything() == before
