"""A whole log, chunk by chunk."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from redshop.conversion.history import mapping, reader, writer
from redshop.conversion.history.mapping import Columns
from redshop.conversion.history.types import (
    Act,
    AlreadyImported,
    BadLine,
    Chunk,
    Imported,
    LogUnreadable,
    Meaning,
    Preview,
    RawLine,
)
from redshop.conversion.models import ImportedLog
from redshop.events import partitions

CHUNK: Final = 2_000
#: So many lines are looked at before anything is written.
PREVIEW: Final = 10_000
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
_MOMENTS: Final = ("first_at", "last_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a log is to be read; what is left empty follows from its header."""

    shop: str = ""
    currency: str = ""
    zone: tzinfo = UTC
    kinds: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)


def import_log(
    path: Path,
    *,
    wish: Wish,
    at: datetime,
    progress: Callable[[int, Imported], None],
    restarts: bool = False,
) -> Imported:
    """Write everything that a log says, a transaction for each chunk of lines.

    It may be stopped, killed and started again: it goes on after the last chunk that was written.
    Begun anew (``restarts``), what is there already stays as it is and is counted as known.
    ``progress`` hears how far the file is read, and what was done so far.

    Raises:
        LogUnreadable: the file is no event log, or is damaged; what came before it stays.
        AlreadyImported: all of it was written before.
    """
    log = reader.look_at(path)
    meaning = _meaning(log.names, wish=wish, at=at)
    columns = mapping.find_columns(log.names, given=wish.columns)
    record = _record(log, meaning=meaning, wish=wish, at=at, restarts=restarts)
    done = _so_far(record)
    for lines in _chunks(reader.lines_of(log, after=record.line)):
        chunk = _understood(lines, columns=columns, meaning=meaning)
        partitions.cover({act.occurred_at for act in chunk.acts})
        done = _write(record, chunk, done=done, last=lines[-1].number, meaning=meaning, at=at)
        progress(lines[-1].offset, done)
    ImportedLog.objects.filter(pk=record.pk).update(finished_at=at)
    return done


def preview(path: Path, *, wish: Wish, at: datetime, lines: int = PREVIEW) -> Preview:
    """Return what an import would make of the first lines of a log; write nothing.

    Raises:
        LogUnreadable: the file is no event log.
    """
    log = reader.look_at(path)
    meaning = _meaning(log.names, wish=wish, at=at)
    columns = mapping.find_columns(log.names, given=wish.columns)
    some = list(islice(reader.lines_of(log), lines))
    chunk = _understood(some, columns=columns, meaning=meaning)
    return Preview(
        shop=meaning.shop,
        currency=meaning.currency,
        columns={field: log.names[place] for field, place in columns.places.items()},
        kinds=Counter(act.kind for act in chunk.acts),
        lines=len(some),
        left_out=chunk.left_out,
        bad=chunk.bad,
        first_at=min((act.occurred_at for act in chunk.acts), default=None),
        last_at=max((act.occurred_at for act in chunk.acts), default=None),
    )


@transaction.atomic(durable=True)
def _record(
    log: reader.Log, *, meaning: Meaning, wish: Wish, at: datetime, restarts: bool
) -> ImportedLog:
    """Return how far this log was imported, read as it is now.

    Raises:
        AlreadyImported: to its end.
    """
    read_as = {
        "currency": meaning.currency,
        "zone": str(meaning.zone),
        "kinds": dict(sorted(wish.kinds.items())),
        "columns": dict(sorted(wish.columns.items())),
    }
    record, _ = ImportedLog.objects.get_or_create(
        shop=meaning.shop,
        digest=log.digest,
        read_as=read_as,
        defaults={"name": log.path.name[:120], "started_at": at},
    )
    if restarts:
        record.line, record.counts, record.finished_at = 0, {}, None
        record.save()
    if record.finished_at is not None:
        raise AlreadyImported(
            f"{log.path.name} was imported on {record.finished_at:%Y-%m-%d}, to its end;"
            " --restart reads it again."
        )
    return record


@transaction.atomic(durable=True)
def _write(
    record: ImportedLog, chunk: Chunk, *, done: Imported, last: int, meaning: Meaning, at: datetime
) -> Imported:
    """Write a chunk, and in the same transaction how far the log is written."""
    done += writer.write(chunk, meaning=meaning, at=at)
    counts = {name: getattr(done, name) for name in done.__slots__}
    counts["events"] = dict(done.events)
    for name in _MOMENTS:
        counts[name] = counts[name] and counts[name].isoformat()
    ImportedLog.objects.filter(pk=record.pk).update(line=last, counts=counts)
    return done


def _so_far(record: ImportedLog) -> Imported:
    if not record.counts:
        return Imported()
    moments = {
        name: record.counts[name] and datetime.fromisoformat(record.counts[name])
        for name in _MOMENTS
    }
    return Imported(**{**record.counts, **moments})


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
