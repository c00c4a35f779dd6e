"""A whole log, chunk by chunk."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Final

from django.conf import settings

from redshop.conversion.history import mapping, reader, writer
from redshop.conversion.history.mapping import Columns
from redshop.conversion.history.types import (
    Act,
    BadLine,
    Chunk,
    Imported,
    LogUnreadable,
    Meaning,
    RawLine,
)
from redshop.events import partitions

CHUNK: Final = 2_000
#: The header of an open log of a general shop, in US dollars; many others resemble it.
REES46: Final = frozenset(
    {
        "event_time",
        "event_type",
        "product_id",
        "category_id",
        "category_code",
        "brand",
        "price",
        "user_id",
        "user_session",
    }
)
_SHOP: Final = re.compile(r"[a-z][a-z0-9]{1,15}", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a log is to be read; what is left empty follows from its header."""

    shop: str = ""
    currency: str = ""
    zone: tzinfo = UTC
    kinds: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)


def import_log(
    path: Path, *, wish: Wish, at: datetime, progress: Callable[[int, Imported], None]
) -> Imported:
    """Write everything that a log says, a transaction for each chunk of lines.

    It may be stopped and started again: what is there already stays as it is and is counted as
    known. ``progress`` hears how many bytes of the file are read, and what was done so far.

    Raises:
        LogUnreadable: the file is no event log, or is damaged; what came before it stays.
    """
    names = reader.names_of(path)
    meaning = _meaning(names, wish=wish, at=at)
    columns = mapping.find_columns(names, given=wish.columns)
    done = Imported()
    for lines in _chunks(reader.lines_of(path)):
        chunk = _understood(lines, columns=columns, meaning=meaning)
        partitions.cover({act.occurred_at for act in chunk.acts})
        done += writer.write(chunk, meaning=meaning, at=at)
        progress(lines[-1].offset, done)
    return done


def _meaning(names: Iterable[str], *, wish: Wish, at: datetime) -> Meaning:
    """Complete what was wished for.

    Raises:
        LogUnreadable: the shop's or the currency's name is none.
    """
    is_rees46 = set(names) >= REES46
    meaning = Meaning(
        shop=wish.shop or ("rees46" if is_rees46 else "shop"),
        currency=wish.currency or ("USD" if is_rees46 else settings.PLATFORM_CURRENCY),
        zone=wish.zone,
        kinds={**mapping.KINDS, **wish.kinds},
        until=at + _DAY,
    )
    if not _SHOP.fullmatch(meaning.shop):
        raise LogUnreadable("A shop's name is 2 to 16 small letters and digits, a letter first.")
    if not _CURRENCY.fullmatch(meaning.currency):
        raise LogUnreadable("A currency is three capital letters.")
    return meaning


def _chunks(lines: Iterator[RawLine]) -> Iterator[list[RawLine]]:
    while chunk := list(islice(lines, CHUNK)):
        yield chunk


def _understood(lines: list[RawLine], *, columns: Columns, meaning: Meaning) -> Chunk:
    read = [mapping.understand(line, columns=columns, meaning=meaning) for line in lines]
    acts = tuple(each for each in read if isinstance(each, Act))
    bad = tuple(each for each in read if isinstance(each, BadLine))
    return Chunk(acts, bad, left_out=len(read) - len(acts) - len(bad))
