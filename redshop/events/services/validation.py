"""Which rows of a batch are events: each is judged by itself, whatever it is made of."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from redshop.events.kinds import CLIENT_KINDS, EventKind, Surface

#: Clocks that differ by no more are taken to agree.
TOLERANCE: Final = timedelta(seconds=2)
#: An event is taken for so long after it happened; its id is remembered for longer.
LATEST: Final = timedelta(days=30)
LONGEST_QUERY: Final = 200

_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_CLIENT_KINDS: Final = frozenset(kind.value for kind in CLIENT_KINDS)
_KINDS: Final = frozenset(EventKind.values)
_SURFACES: Final = frozenset(Surface.values) | {""}
_BIGGEST_ID: Final = 2**63 - 1
_BIGGEST_NUMBER: Final = 2**31 - 1


class Row(NamedTuple):
    """A good row, its fields as the log keeps them, its moment corrected."""

    id: str
    kind: str
    occurred_at: datetime
    surface: str
    request_id: str | None
    note_id: int | None
    product_id: int | None
    position: int | None
    dwell_ms: int | None
    completion: float | None
    query: str


class RepeatedNames(dict[str, Any]):
    """An object in which some name occurs twice, so that nobody can say what it means."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row is no event; ``id`` is set where nothing but its moment is wrong."""

    code: str
    message: str
    id: str | None = None


def judge(row: Any, *, received_at: datetime, skew: timedelta) -> Row | Refusal:
    """Return the row as the log keeps it, or why it is refused; never raises.

    ``skew`` is how far the sender's clock is behind ours (negative: ahead); it is added to the
    moment where it exceeds the tolerance.
    """
    if type(row) is not dict:
        return _not_an_event(row)
    if unknown := len(row.keys() - _FIELDS.keys()):
        return Refusal("unknown_field", f"{unknown} of its fields are not known.")
    if refusal := _refusal_of(row.get("kind")):
        return refusal
    values = list(_ABSENT)
    for name, value in row.items():
        if value is not None:
            place, read = _READ[name]
            try:
                values[place] = read(value)
            except ValueError:
                return _wrong(name)
    for name in _REQUIRED:
        if row.get(name) is None:
            return _wrong(name)
    return _in_time(Row._make(values), received_at=received_at, skew=skew)


def _wrong(name: str) -> Refusal:
    return Refusal(f"invalid_{name}", f"{name} must be {_FIELDS[name][1]}.")


def _not_an_event(row: Any) -> Refusal:
    if isinstance(row, RepeatedNames):
        return Refusal("invalid_event", "It names a field twice.")
    return Refusal("invalid_event", "An event is an object.")


def _refusal_of(kind: Any) -> Refusal | None:
    if not isinstance(kind, str):
        return Refusal("invalid_kind", "kind must be the name of a kind.")
    if kind in _CLIENT_KINDS:
        return None
    if kind in _KINDS:
        return Refusal("server_kind", "Only the server states events of this kind.")
    return Refusal("unknown_kind", "There is no such kind of event.")


def _in_time(row: Row, *, received_at: datetime, skew: timedelta) -> Row | Refusal:
    at = row.occurred_at
    if abs(skew) > TOLERANCE:
        try:
            at += skew
        except OverflowError:
            return Refusal("invalid_occurred_at", "No calendar has this moment.")
        row = row._replace(occurred_at=at)
    if at > received_at + TOLERANCE:
        return Refusal("in_future", "It has not happened yet.", row.id)
    if at < received_at - LATEST:
        return Refusal("too_late", f"It is older than {LATEST.days} days.", row.id)
    return row


def uuid_text(value: Any) -> str:
    """Return a UUID as lower-case text.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str) and _UUID.fullmatch(value):
        return value.lower()
    if isinstance(value, UUID):
        return str(value)
    raise ValueError


def moment(value: Any) -> datetime:
    """Return a moment in UTC, from RFC 3339 or from a datetime that knows its zone.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        value = datetime.fromisoformat(value.upper())
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError from error


def _surface(value: Any) -> str:
    if isinstance(value, str) and value in _SURFACES:
        return value
    raise ValueError


def _whole(*, least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError
        return int(value)

    return read


def _share(value: Any) -> float:
    if type(value) not in {int, float} or not 0 <= value <= 1:  # NaN is in no range
        raise ValueError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_QUERY or "\x00" in value:
        raise ValueError
    value.encode()  # a lone surrogate raises UnicodeEncodeError, a ValueError
    return value


_id = _whole(least=1, most=_BIGGEST_ID)
_number = _whole(least=0, most=_BIGGEST_NUMBER)
_REQUIRED: Final = ("id", "occurred_at")
#: How each field of a row is read, what it must be, and what an absent one is; as in ``Row``.
_FIELDS: Final[dict[str, tuple[Callable[[Any], Any], str, str | None]]] = {
    "id": (uuid_text, "a UUID", None),
    "kind": (str, "a kind", None),
    "occurred_at": (moment, "a moment such as 2026-01-31T12:00:00Z", None),
    "surface": (_surface, "the name of a surface", ""),
    "request_id": (uuid_text, "a UUID", None),
    "note_id": (_id, "a positive whole number", None),
    "product_id": (_id, "a positive whole number", None),
    "position": (_number, f"a whole number from 0 to {_BIGGEST_NUMBER}", None),
    "dwell_ms": (_number, f"a whole number from 0 to {_BIGGEST_NUMBER}", None),
    "completion": (_share, "a number from 0 to 1", None),
    "query": (_text, f"a text of at most {LONGEST_QUERY} characters", ""),
}
#: What a row has where it says nothing, and where in it each field is, read how.
_ABSENT: Final = tuple(absent for _, _, absent in _FIELDS.values())
_READ: Final = {name: (place, read) for place, (name, (read, _, _)) in enumerate(_FIELDS.items())}

#: Every reason there is to refuse a row.
CODES: Final = (
    "unknown_field",
    "server_kind",
    "unknown_kind",
    "too_late",
    "in_future",
    "invalid_event",
    *(f"invalid_{name}" for name in _FIELDS),
)
