"""JSON that would choke a database is refused before it gets there."""

import pytest
from rest_framework.exceptions import ParseError

from redshop.core.api.parsers import loads


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'{"\\u0000": 1}',
        b"[" * 40 + b"]" * 40,
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        loads(body)


def test_what_is_strict_json_is_read() -> None:
    assert loads('{"a": [1, "红"], "b": null}'.encode()) == {"a": [1, "红"], "b": None}
