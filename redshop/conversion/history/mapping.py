"""From the columns and words of another shop's log to ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from uuid import UUID, uuid5

from redshop.conversion.history.types import Act, BadLine, LogUnreadable, Meaning, RawLine
from redshop.core.money import EXPONENTS
from redshop.events.kinds import EventKind

#: Everything imported gets its ids below this one, so that an import can be repeated.
NAMESPACE: Final = UUID("6f1d3a52-54f5-5ab7-9b05-3f5b6f6a2b1e")

#: What columns are called in logs we know; the first that is there is taken.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("event_time", "occurred_at", "timestamp", "created_at", "datetime", "time", "ts"),
    "act": ("event_type", "event", "event_name", "action", "behavior", "kind", "type"),
    "product": ("product_id", "item_id", "itemid", "productid", "sku", "item"),
    "person": ("user_id", "customer_id", "visitorid", "userid", "client_id", "user"),
    "session": ("user_session", "session_id", "sessionid", "session"),
    "price": ("price", "unit_price", "amount"),
    "brand": ("brand", "brand_name"),
    "category": ("category_code", "category_path", "category", "category_name"),
    "name": ("product_name", "name", "title"),
}
REQUIRED: Final = ("time", "act", "product", "person")
#: What acts are called in logs we know.
KINDS: Final[Mapping[str, str]] = {
    "view": EventKind.PRODUCT_VIEW.value,
    "product_view": EventKind.PRODUCT_VIEW.value,
    "cart": EventKind.CART_ADD.value,
    "addtocart": EventKind.CART_ADD.value,
    "add_to_cart": EventKind.CART_ADD.value,
    "cart_add": EventKind.CART_ADD.value,
    "checkout": EventKind.CHECKOUT.value,
    "begin_checkout": EventKind.CHECKOUT.value,
    "purchase": EventKind.ORDER_PAID.value,
    "transaction": EventKind.ORDER_PAID.value,
    "order_paid": EventKind.ORDER_PAID.value,
    "remove_from_cart": "",
}
#: The kinds that a line of a log can mean: those about a product and nothing else.
POSSIBLE: Final = frozenset(KINDS.values()) - {""}
#: An order's price in minor units fits its column with room for sums.
_MOST_MINOR: Final = 10**15
_LONGEST_KEY: Final = 128
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_DIGITS: Final = re.compile(r"\d{9,13}", re.ASCII)
_MILLISECONDS_HAVE: Final = 12


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a line."""

    places: Mapping[str, int]
    width: int

    def of(self, line: RawLine, field: str) -> str:
        """Return a field's cell, empty where the log has no such column."""
        place = self.places.get(field)
        return "" if place is None else line.cells[place].replace("\x00", "").strip()


class _Bad(Exception):
    """A line cannot be understood."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def find_columns(names: Sequence[str], *, given: Mapping[str, str]) -> Columns:
    """Find the columns by what they are usually called, or as they are given.

    Raises:
        LogUnreadable: a column that is needed or given is not there.
    """
    lowered = [name.lower() for name in names]
    places: dict[str, int] = {}
    for field, usual in COLUMNS.items():
        wanted = (given[field].lower(),) if field in given else usual
        found = next((name for name in wanted if name in lowered), None)
        if found is not None:
            places[field] = lowered.index(found)
        elif field in given or field in REQUIRED:
            raise LogUnreadable(
                f"No column for {field} (looked for {', '.join(wanted)}) in {', '.join(names)}."
            )
    return Columns(places, width=len(names))


def understand(line: RawLine, *, columns: Columns, meaning: Meaning) -> Act | BadLine | None:
    """Return what a line says, why it says nothing, or None where it is to be left out."""
    try:
        if len(line.cells) != columns.width:
            raise _Bad("invalid_line", f"It has {len(line.cells)} cells, not {columns.width}.")
        word = columns.of(line, "act").lower()
        kind = meaning.kinds.get(word)
        if kind is None:
            raise _Bad("unknown_kind", f"Nothing says what {word[:40]!r} means.")
        return _act(line, kind, word, columns=columns, meaning=meaning) if kind else None
    except _Bad as bad:
        return BadLine(line, bad.code, f"Line {line.number}: {bad}")


def _act(line: RawLine, kind: str, word: str, *, columns: Columns, meaning: Meaning) -> Act:
    occurred_at = _moment(columns.of(line, "time"), zone=meaning.zone)
    if not _EARLIEST <= occurred_at <= meaning.until:
        raise _Bad("invalid_time", "No shop can have seen it then.")
    person = _key(columns.of(line, "person"), "person")
    product = _key(columns.of(line, "product"), "product")
    session = columns.of(line, "session")
    price_minor = _minor(columns.of(line, "price"), currency=meaning.currency)
    if kind == EventKind.ORDER_PAID and price_minor is None:
        raise _Bad("invalid_price", "What was bought has no price.")
    content = (
        meaning.shop, word, occurred_at.isoformat(), person, product, session, f"{price_minor}"
    )  # fmt: skip
    return Act(
        id=uuid5(NAMESPACE, "\x1f".join(content)),
        kind=kind,
        occurred_at=occurred_at,
        person=person,
        product=product,
        product_name=columns.of(line, "name"),
        brand=columns.of(line, "brand"),
        category=_path(columns.of(line, "category")),
        price_minor=price_minor,
        session_id=_session(session, shop=meaning.shop),
    )


def _key(cell: str, field: str) -> str:
    if not cell or len(cell) > _LONGEST_KEY:
        raise _Bad(f"invalid_{field}", f"It names no {field}.")
    return cell


def _moment(cell: str, *, zone: tzinfo) -> datetime:
    """Read ISO 8601 (with ``UTC`` or no zone allowed), or seconds or milliseconds since 1970."""
    try:
        if _DIGITS.fullmatch(cell):
            seconds = int(cell) / (1000 if len(cell) >= _MILLISECONDS_HAVE else 1)
            moment = datetime.fromtimestamp(seconds, tz=UTC)
        else:
            moment = datetime.fromisoformat(cell.removesuffix("UTC").strip())
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC if cell.endswith("UTC") else zone)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Bad("invalid_time", "It names no moment.") from error
    return moment


def _minor(cell: str, *, currency: str) -> int | None:
    if not cell:
        return None
    try:
        minor = Decimal(cell).scaleb(EXPONENTS.get(currency, 2))
        whole = int(minor.quantize(Decimal(1), ROUND_HALF_UP))
    except (ArithmeticError, ValueError) as error:
        raise _Bad("invalid_price", "Its price is no amount.") from error
    if not 0 <= whole <= _MOST_MINOR:
        raise _Bad("invalid_price", "No price is that low or high.")
    return whole


def _session(cell: str, *, shop: str) -> UUID | None:
    if not cell:
        return None
    try:
        return UUID(cell)
    except ValueError:
        return uuid5(NAMESPACE, f"{shop} session {cell}")


def _path(cell: str) -> tuple[str, ...]:
    """Split ``electronics.audio.headphone`` (or with ``/`` or ``>``) into its shelves."""
    return tuple(part.strip() for part in re.split(r"[./>]", cell.lower()) if part.strip())
