"""One result on every engine: the same rules over the same histories, row by row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import connection

from orders.models import OrderLine
from redshop.conversion.engines import duck, relations
from redshop.conversion.engines.dialects import Dialect, said_in
from redshop.conversion.rules import SHARES, TOUCHES
from redshop.conversion.types import AttributionModel
from redshop.core.db import snapshot
from redshop.events import partitions
from redshop.events.lake import months
from redshop.events.models import ArchivedMonth
from tests.conversion import world
from tests.conversion.test_attribution_statistics import ask
from tests.conversion.test_credits_figure import Shop, give_back, live
from tests.conversion.world import DAY, NOW

ALL: Final = "SELECT id FROM orders_orderline"
IN_POSTGRESQL: Final = f"""
WITH conversions AS MATERIALIZED ({relations.CONVERSIONS.format(lines=ALL)}),
path AS MATERIALIZED ({TOUCHES}), given_back AS ({relations.GIVEN_BACK})
SELECT * FROM ({SHARES}) AS answer
"""  # noqa: S608 - constants
Row = tuple[Any, ...]


@pytest.fixture
def lake(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.LAKE_URL = str(tmp_path / "lake")
    yield tmp_path / "lake"
    with connection.cursor() as cursor:
        for month in set(ArchivedMonth.objects.values_list("month", flat=True)):
            cursor.execute(f"DROP TABLE IF EXISTS {partitions.name_of(month)}")
    partitions._known.clear()


def with_refunds(seed: int, *, orders: int) -> Shop:
    """Have people look around, buy, and give back some of it in up to three refunds."""
    shop, made = live(seed, orders=orders)
    for order in [*made[::3], *made[::6], *made[::12]]:
        give_back(shop.chance, order)
    return shop


def by_postgresql(window_days: int) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(IN_POSTGRESQL, {"window_days": window_days})
        return sorted(cursor.fetchall(), key=str)


def by_duckdb(window_days: int) -> list[Row]:
    with snapshot(), duck.asked(lines=ALL, values={"window_days": window_days}) as question:
        question.database.execute(f"CREATE TABLE path AS {said_in(Dialect.DUCKDB, TOUCHES)}")
        found = question.database.execute(said_in(Dialect.DUCKDB, SHARES)).fetchall()
        return sorted(found, key=str)


@pytest.mark.django_db
def test_a_thousand_histories_come_out_the_same_on_duckdb() -> None:
    with_refunds(11, orders=1_000)

    for window_days in (3, 12):
        there = by_postgresql(window_days)

        assert by_duckdb(window_days) == there
        assert {row[1] for row in there} == {model.value for model in AttributionModel}
        assert len(there) > 2_000


@pytest.mark.django_db
def test_the_largest_sums_are_divided_the_same() -> None:
    buyer, product = world.person(), world.product()
    notes = [world.note(product) for _ in range(3)]
    for n, note in enumerate([*notes, notes[0], notes[1], notes[0], notes[2]]):
        world.event("note_open", NOW - n * DAY / 3, buyer, note)
    order = world.order(buyer, (product, 2**62 - 3), at=NOW, quantity=1)
    world.refund(order, units=1)

    assert by_duckdb(9) == by_postgresql(9)
    assert sum(row[10] for row in by_duckdb(9)) == 0


@pytest.mark.django_db
def test_what_is_not_a_rule_is_not_translated_silently() -> None:
    with pytest.raises(ValueError, match="EXTRACT"):
        said_in(Dialect.SPARK, "SELECT EXTRACT(DOW FROM paid_at) FROM orders_order")


@pytest.mark.django_db(transaction=True)
def test_months_that_lie_in_the_lake_alone_count_as_if_they_were_here(lake: Path) -> None:
    with_refunds(12, orders=120)
    before = {window: by_postgresql(window) for window in (2, 12)}
    answered = ask(window_days=12, model=AttributionModel.LINEAR)
    later = NOW + 90 * DAY
    for month in months.closed(at=later):
        if month.year == NOW.year and month.month in (2, 3):
            months.export(month, at=later)
    for window, there in before.items():
        assert by_duckdb(window) == there

    for row in ArchivedMonth.objects.all():
        months.detach(row.month, at=later)

    assert len(list(lake.rglob("*.parquet"))) > 20
    for window, there in before.items():
        assert by_duckdb(window) == there
    assert by_postgresql(12) != before[12]
    again = ask(window_days=12, model=AttributionModel.LINEAR)
    assert (again.results, again.total) == (answered.results, answered.total)


@pytest.mark.django_db
def test_every_line_is_answered_for(lake: Path) -> None:
    with_refunds(13, orders=60)
    paid = set(OrderLine.objects.values_list("pk", flat=True))

    with duck.asked(lines=ALL, values={"window_days": 15}) as question:
        there = question.database.execute("SELECT line_id FROM conversions").fetchall()

    assert {line_id for (line_id,) in there} == paid
