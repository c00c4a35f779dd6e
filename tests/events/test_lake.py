"""Months of the log as Parquet: whole, verified, and never lost on their way there and back."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from redshop.core.ids import uuid7
from redshop.events import partitions, tasks
from redshop.events.errors import MonthIsArchived
from redshop.events.factories import EventFactory
from redshop.events.lake import months
from redshop.events.lake.errors import LakeDiffers, MonthNotReady
from redshop.events.lake.storage import duck, storage
from redshop.events.models import ArchivedMonth, Event

pytestmark = pytest.mark.django_db(transaction=True)

JANUARY = date(2024, 1, 1)
START = datetime(2024, 1, 1, tzinfo=UTC)
LATER = datetime(2024, 3, 2, 2, tzinfo=UTC)
ODD = ['a,"b"\n|', "\\N", "", "’美 白\t🧴", "'); DROP TABLE events_event; --"]


@pytest.fixture(autouse=True)
def lake(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """A lake of the test's own; the log's partitions of the test are taken away afterwards."""
    settings.LAKE_URL = str(tmp_path / "lake")
    yield tmp_path / "lake"
    with connection.cursor() as cursor:
        for month in [each for each in partitions.months() if each.year < 2026]:
            cursor.execute(f"DROP TABLE {partitions.name_of(month)}")
    partitions._known.clear()


def events(count: int = 40) -> None:
    """Write events all over January, down to its first and last microsecond."""
    last = START + timedelta(days=31) - timedelta(microseconds=1)
    for number in range(count):
        EventFactory.create(
            occurred_at=last if number == 1 else START + timedelta(hours=13, seconds=1) * number,
            received_at=START + timedelta(days=number),
            person_id=number if number % 2 else None,
            note_id=2**62 + number,
            completion=[None, 0.1, 1.0, 1 / 3, 5e-324, 0.0][number % 6],
            query=ODD[number % len(ODD)],
            position=0,
            order_id=uuid7() if number % 3 else None,
        )


def rows() -> list[tuple[Any, ...]]:
    return list(Event.objects.filter(occurred_at__lt=LATER).order_by("pk").values_list())


def test_a_closed_month_lies_in_the_lake_row_by_row(lake: Path) -> None:
    events()

    row = months.export(JANUARY, at=LATER)

    files = sorted(str(path.relative_to(lake)) for path in lake.rglob("*.parquet"))
    assert files[0] == "events_event/month=2024-01/day=2024-01-01/part-1.parquet"
    assert len(files) == len(row.files) == 23
    with duck() as database:
        there = database.execute(
            "SELECT * EXCLUDE (month, day) FROM read_parquet(?, hive_partitioning=true)"
            " ORDER BY id",
            [f"{lake}/events_event/**/*.parquet"],
        ).fetchall()
        [(codec,)] = database.execute(
            "SELECT DISTINCT compression FROM parquet_metadata(?)", [f"{lake}/{files[0]}"]
        ).fetchall()
    assert codec == "ZSTD"
    assert there == rows()
    assert (row.rows, row.verified_at) == (40, LATER)


def test_a_month_of_which_events_may_still_come_is_not_exported() -> None:
    events(1)
    last_moment = START + timedelta(days=31) + timedelta(days=30, hours=1)

    with pytest.raises(MonthNotReady):
        months.export(JANUARY, at=last_moment - timedelta(microseconds=1))

    assert months.export(JANUARY, at=last_moment).rows == 1


def test_a_month_goes_and_comes_back_as_it_was() -> None:
    events()
    before = rows()
    months.export(JANUARY, at=LATER)

    gone = months.detach(JANUARY, at=LATER)
    assert (rows(), gone.detached_at) == ([], LATER)
    assert JANUARY not in partitions.months()
    back = months.restore(JANUARY, at=LATER)

    assert rows() == before
    assert back.detached_at is None
    with pytest.raises(DatabaseError, match="Cannot delete"):
        Event.objects.filter(occurred_at__lt=LATER).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_indexes WHERE tablename IN ('events_event_2024_01',"
            " 'events_event_2026_03') GROUP BY tablename"
        )
        assert len(set(cursor.fetchall())) == 1


def test_the_lake_alone_knows_what_a_new_database_does_not() -> None:
    events()
    before = rows()
    months.export(JANUARY, at=LATER)
    months.detach(JANUARY, at=LATER)
    ArchivedMonth.objects.all().delete()

    months.restore(JANUARY, at=LATER)

    assert rows() == before


def test_what_is_written_afterwards_takes_the_verification_away() -> None:
    events(3)
    months.export(JANUARY, at=LATER)
    assert months.unverified(at=LATER) == []

    with transaction.atomic():
        EventFactory.create(occurred_at=START)
        EventFactory.create(occurred_at=START)

    row = ArchivedMonth.objects.get()
    assert (row.verified_at, row.changes) == (None, 1)
    assert months.unverified(at=LATER) == [JANUARY]
    with pytest.raises(LakeDiffers):
        months.detach(JANUARY, at=LATER)
    assert len(rows()) == 5

    again = months.export(JANUARY, at=LATER)

    assert (again.rows, again.edition, again.verified_at) == (5, 2, LATER)
    assert months.detach(JANUARY, at=LATER).rows == 5


def test_what_is_written_while_a_month_is_read_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    events(3)
    read = months._read

    def read_and_be_late(*args: Any) -> Any:
        found = read(*args)
        EventFactory.create(occurred_at=START)
        return found

    monkeypatch.setattr(months, "_read", read_and_be_late)

    with pytest.raises(MonthNotReady, match="while it was read"):
        months.export(JANUARY, at=LATER)

    assert ArchivedMonth.objects.get().verified_at is None


def test_what_is_written_while_a_month_leaves_keeps_it_in_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events(3)
    months.export(JANUARY, at=LATER)
    leave = months._leave

    def be_late_and_leave(table: str) -> None:
        EventFactory.create(occurred_at=START)
        leave(table)

    monkeypatch.setattr(months, "_leave", be_late_and_leave)

    with pytest.raises(LakeDiffers, match="meanwhile"):
        months.detach(JANUARY, at=LATER)

    assert len(rows()) == 4


def test_nothing_is_written_to_a_month_that_lies_in_the_lake_alone() -> None:
    events(3)
    months.export(JANUARY, at=LATER)
    months.detach(JANUARY, at=LATER)
    partitions._known.clear()

    with pytest.raises(MonthIsArchived):
        partitions.cover([START])

    assert JANUARY not in partitions.months()


@pytest.mark.parametrize("damage", ["missing", "cut", "one bit", "another month's"])
def test_a_damaged_lake_is_noticed_and_the_log_keeps_what_it_has(lake: Path, damage: str) -> None:
    events()
    months.export(JANUARY, at=LATER)
    file, *_, other = sorted(lake.rglob("*.parquet"))
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[:-1])
    elif damage == "one bit":
        file.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    else:
        file.write_bytes(other.read_bytes())

    for act in (months.verify, months.detach):
        with pytest.raises(LakeDiffers):
            act(JANUARY, at=LATER)

    assert len(rows()) == 40


def test_a_detached_month_does_not_come_back_from_a_damaged_lake(lake: Path) -> None:
    events()
    months.export(JANUARY, at=LATER)
    months.detach(JANUARY, at=LATER)
    next(iter(lake.rglob("*.parquet"))).unlink()

    with pytest.raises(LakeDiffers):
        months.restore(JANUARY, at=LATER)

    assert JANUARY not in partitions.months()


def test_a_detach_that_was_interrupted_is_finished_by_the_next() -> None:
    events(3)
    months.export(JANUARY, at=LATER)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE events_event DETACH PARTITION events_event_2024_01 CONCURRENTLY"
        )

    assert months.detach(JANUARY, at=LATER).detached_at == LATER
    assert months.restore(JANUARY, at=LATER).rows == 3


def test_beat_archives_and_takes_out_what_need_not_be_kept(settings: Any) -> None:
    settings.LAKE_KEEP_MONTHS = 12
    events(3)

    tasks.archive()

    row = ArchivedMonth.objects.get(month=JANUARY)
    assert row.detached_at is not None
    assert [each.month for each in ArchivedMonth.objects.filter(detached_at=None)] == [
        month for month in partitions.months() if ArchivedMonth.objects.filter(pk=month).exists()
    ]


def test_the_command_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    events()

    for action in ("export", "verify", "detach", "restore"):
        call_command("lake", action, "--month", "2024-01", verbosity=0)
    call_command("lake", "list", verbosity=0)

    said = capsys.readouterr().out.splitlines()
    assert all(line.startswith("2024-01            40 events") for line in said if "2024" in line)
    assert ["alone" in line for line in said[:4]] == [False, False, True, False]
    with pytest.raises(CommandError, match="never exported"):
        call_command("lake", "verify", "--month", "2023-12", verbosity=0)
    with pytest.raises(CommandError, match="needs --month"):
        call_command("lake", "detach", verbosity=0)


def test_ids_are_ids_and_moments_are_moments_in_the_lake() -> None:
    events(1)
    row = months.export(JANUARY, at=LATER)

    with storage().connect() as database:
        kinds = database.execute(
            "SELECT typeof(id), typeof(occurred_at), typeof(person_id), typeof(completion)"
            " FROM read_parquet(?)",
            [storage().address(row.files[0]["path"])],
        ).fetchone()

    assert kinds == ("UUID", "TIMESTAMP WITH TIME ZONE", "BIGINT", "DOUBLE")
    assert isinstance(Event.objects.get(occurred_at=START).pk, UUID)
