"""Batches as they arrive: plain or gzip, and JSON read so that a bad row spoils only itself.

NaN, lone surrogates, NUL, repeated names and bytes that are not UTF-8 are refused elsewhere with
the whole body; here they reach the row that has them, and its judge.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from django.http import UnreadablePostError
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import JSONParser

from redshop.core.api.parsers import MAX_DEPTH
from redshop.events.errors import BatchTooLarge
from redshop.events.services.validation import RepeatedNames

MOST_BYTES: Final = 1024 * 1024
_CHUNK: Final = 16 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_CONTAINERS: Final = frozenset({dict, list, RepeatedNames})
_LONGEST_WHOLE_NUMBER: Final = 20


class BatchParser(JSONParser):
    """Unpacks and parses a batch, holding no more than a batch may have."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed body; whatever its rows are made of is judged later.

        Raises:
            BatchTooLarge: it has more bytes than a batch may have, packed or unpacked.
            ParseError: it is no JSON, or not what its encoding says.
            UnsupportedMediaType: its encoding is neither gzip nor none.
        """
        request = (parser_context or {})["request"]
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        match encoding:
            case "identity" | "":
                return loads(_read(stream))
            case "gzip" | "x-gzip":
                return loads(_unpacked(_read(stream)))
        raise UnsupportedMediaType(encoding, "A body is plain or gzip.")


def loads(body: bytes) -> Any:
    """Parse a batch; what only spoils a row is left in it.

    Raises:
        ParseError: it is not JSON at all, or nested deeper than anything meant.
    """
    try:
        value = json.loads(
            body.decode("utf-8", errors="surrogateescape"),
            parse_int=_number,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        raise ParseError(f"The body is not valid JSON: {error}") from error
    if _is_too_deep(value):
        raise ParseError(f"The body is nested more than {MAX_DEPTH} levels deep.")
    return value


def _read(stream: IO[bytes]) -> bytes:
    """Return the body as it came; refuse it where even the packed one is too large."""
    try:
        body = stream.read(MOST_BYTES + 1)
    except UnreadablePostError as error:
        raise ParseError("The body ended early.") from error
    if len(body) > MOST_BYTES:
        raise BatchTooLarge
    return body


def _unpacked(packed: bytes) -> bytes:
    """Unpack gzip, stopping as soon as it becomes more than a batch may have."""
    parts, size = [], 0
    try:
        for part in _inflate(packed):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise BatchTooLarge
    except zlib.error as error:
        raise ParseError(f"The body is not valid gzip: {error}") from error
    return b"".join(parts)


def _inflate(packed: bytes) -> Iterator[bytes]:
    """Yield what a gzip member holds, a little at a time.

    Raises:
        ParseError: it ends early, or something follows it.
    """
    member = zlib.decompressobj(_GZIP)
    while not member.eof:
        part = member.decompress(packed, _CHUNK)
        packed = member.unconsumed_tail
        if not (part or packed or member.eof):
            raise ParseError("The body is not valid gzip: it ends early.")
        yield part
    if member.unused_data:
        raise ParseError("The body is not valid gzip: something follows it.")


def _number(text: str) -> int | float:
    """Read a whole number; one that no field can hold becomes a float, which no field takes."""
    return int(text) if len(text) <= _LONGEST_WHOLE_NUMBER else float(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    return result if len(result) == len(pairs) else RepeatedNames(result)


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        deeper = []
        for outer in level:
            if isinstance(outer, dict | list):
                inner = outer.values() if isinstance(outer, dict) else outer
                deeper += [each for each in inner if type(each) in _CONTAINERS]
        if not deeper:
            return False
        level = deeper
    return True
