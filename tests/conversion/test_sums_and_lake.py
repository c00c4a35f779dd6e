"""Sums of months that have left the log for the lake stay what they were."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from redshop.conversion.models import FunnelWay
from redshop.conversion.selectors.funnel import Question, funnel
from redshop.conversion.services import funnel_rollup
from redshop.conversion.types import Period
from redshop.events import partitions
from redshop.events.lake import months
from redshop.events.models import Unread
from tests.conversion import world

pytestmark = pytest.mark.django_db(transaction=True)
JANUARY = date(2024, 1, 1)
LATER = datetime(2024, 3, 2, 2, tzinfo=UTC)
WINTER = Period(date(2023, 12, 1), date(2024, 4, 1), ZoneInfo("Asia/Shanghai"))


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> Iterator[None]:
    """A lake of the test's own; the log's partitions of the test are taken away afterwards."""
    settings.LAKE_URL = str(tmp_path / "lake")
    yield
    with connection.cursor() as cursor:
        for month in [each for each in partitions.months() if each.year < 2026]:
            cursor.execute(f"DROP TABLE {partitions.name_of(month)}")
    partitions._known.clear()


def steps() -> list[int]:
    [row] = funnel(Question(WINTER, "real", "CNY"), at=LATER).results
    return [step.people for step in row.steps]


def test_who_is_read_again_keeps_what_they_did_in_months_that_are_gone() -> None:
    product = world.product()
    note = world.note(product, shown_from=datetime(2023, 1, 1, tzinfo=UTC))
    who, other = world.person(), world.person()
    for person in (who, other):
        world.event("impression", datetime(2024, 1, 10, tzinfo=UTC), person, note)
        world.event("note_open", datetime(2024, 1, 10, 1, tzinfo=UTC), person, note)
    world.event("impression", datetime(2024, 2, 10, tzinfo=UTC), who, note)
    funnel_rollup.turn(at=LATER)
    assert steps() == [2, 2, 0, 0, 0, 0]

    months.export(JANUARY, at=LATER)
    months.detach(JANUARY, at=LATER)
    world.event("note_open", datetime(2024, 2, 10, 1, tzinfo=UTC), who, note)
    assert funnel_rollup.turn(at=LATER) == 1

    assert steps() == [2, 2, 0, 0, 0, 0]
    assert sorted(FunnelWay.objects.values_list("day", flat=True)) == [
        date(2024, 1, 10),
        date(2024, 1, 10),
        date(2024, 2, 10),
    ]
    assert list(funnel_rollup.differences()) == []

    funnel_rollup.rebuild()
    while funnel_rollup.turn(at=LATER):
        pass
    assert steps() == [2, 2, 0, 0, 0, 0]

    months.restore(JANUARY, at=LATER)
    Unread.objects.create(person_id=other.pk)
    funnel_rollup.turn(at=LATER)
    assert steps() == [2, 2, 0, 0, 0, 0]
    assert list(funnel_rollup.differences()) == []
