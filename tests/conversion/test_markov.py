"""Removal effects: exact, of the paths that were walked, and adding up to what was sold."""

import csv
import gzip
from typing import Any, Final

import numpy as np
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from redshop.conversion.markov import counts
from redshop.conversion.markov.chain import removal_effects
from redshop.conversion.models import MarkovReport
from redshop.conversion.selectors.attribution import Question
from redshop.conversion.services import markov
from redshop.conversion.tasks import report_markov
from redshop.conversion.types import Basis, CreditGroup, Scope, Slice
from redshop.core.ids import uuid7
from tests.conversion import world
from tests.conversion.test_api import device, get
from tests.conversion.test_attribution_statistics import MARCH, rows, sums
from tests.conversion.world import DAY, HOUR, NOW
from tests.real_data import real

VALUES: Final[dict[str, Any]] = {
    "since": NOW - 20 * DAY,
    "until": NOW + DAY,
    "populations": ["real"],
    "currency": "CNY",
    "brand_ids": None,
    "window_days": None,
}


def ask(**rest: Any) -> Any:
    defaults = {"period": MARCH, "population": "real", "currency": "CNY"}
    return markov.attribution_by_removal(Question(**{**defaults, **rest}), at=NOW)


def solved(table: NDArray[np.float64]) -> list[float]:
    """Remove one group after the other, and solve the chain that is left."""

    def converts(table: NDArray[np.float64]) -> float:
        sums_ = table.sum(axis=1, keepdims=True)
        moves = np.divide(table, sums_, out=np.zeros_like(table), where=sums_ > 0)
        groups = len(table) - 1
        system = np.eye(groups + 1)
        system[:, 1:] -= moves[:, :groups]
        return float(np.linalg.solve(system, moves[:, groups])[0])

    whole = converts(table)
    effects = []
    for group in range(len(table) - 1):
        without = table.copy()
        without[:, -1] += without[:, group]
        without[:, group] = 0
        effects.append(1 - converts(without) / whole if whole > 0 else 0.0)
    return effects


@pytest.mark.realdata
@pytest.mark.django_db
def test_ten_thousand_journeys_have_the_published_effects() -> None:
    with real("journeys_expected.csv").open(newline="") as file:
        published = {row["channel"]: row for row in csv.DictReader(file)}
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE steps"
            " (path_id int, place int, state text, converted int, unconverted int)"
        )
        with (
            cursor.copy("COPY steps FROM STDIN") as pipe,
            gzip.open(real("journeys.csv.gz"), "rt", newline="") as file,
        ):
            for number, row in enumerate(csv.DictReader(file)):
                many = (row["total_conversions"], row["total_null"])
                for place, channel in enumerate(row["path"].split(" > "), start=1):
                    pipe.write_row((number, place, channel, *many))
        cursor.execute(counts.TRANSITIONS)
        counted = counts.arranged(cursor.fetchall())

    effects = dict(zip(counted.groups, removal_effects(counted.counts), strict=True))

    assert int(counted.counts[:, -2].sum()) == 19_785
    assert int(counted.counts[:, -1].sum()) == 68_602
    assert effects == pytest.approx(
        {channel: float(row["removal_effect"]) for channel, row in published.items()}, abs=1e-6
    )
    of_all = 19_785 / sum(effects.values())
    assert {channel: effect * of_all for channel, effect in effects.items()} == pytest.approx(
        {channel: float(row["markov"]) for channel, row in published.items()}, abs=1e-3
    )


@given(
    st.integers(1, 7).flatmap(
        lambda k: arrays(np.float64, (k + 1, k + 2), elements=st.integers(0, 9).map(float))
    )
)
def test_one_inverse_says_what_a_solve_for_each_group_says(table: NDArray[np.float64]) -> None:
    table[:, -1] += 1  # whoever is somewhere may always leave
    np.fill_diagonal(table[1:, :], table[1:, :].diagonal())

    assert removal_effects(table) == pytest.approx(solved(table), abs=1e-9)


def test_a_chain_without_sales_misses_nobody() -> None:
    assert removal_effects(np.array([[2.0, 0, 1], [0, 0, 2.0]])).tolist() == [0.0]
    with pytest.raises(ValueError, match="from 0 on"):
        removal_effects(np.array([[2.0, 0, -1], [0, 0, 2.0]]))
    with pytest.raises(ValueError, match="k \\+ 2"):
        removal_effects(np.zeros((2, 2)))


@pytest.fixture
def shop() -> dict[str, Any]:
    """One who came by two notes and bought; two who saw one and did not; one without a touch."""
    product = world.product()
    first, second = world.note(product, topics=["skin", "sun"]), world.note(product)
    buyer, other = world.person(), world.person()
    world.event("note_open", NOW - 3 * HOUR, buyer, first, surface="explore")
    world.event("note_open", NOW - 2 * HOUR, buyer, second, surface="search")
    world.event("note_open", NOW - 2 * HOUR, other, first, surface="explore")
    world.event("impression", NOW - 1 * HOUR, other, second, surface="")
    world.event("impression", NOW - 3 * HOUR, uuid7(), second, surface="search")
    order = world.order(buyer, (product, 1_001))
    alone = world.order(world.person(), (product, 50))
    world.attribute(order, alone)
    return {"notes": [first, second], "order": order, "buyer": buyer, "product": product}


@pytest.mark.django_db
def test_paths_are_counted_from_the_first_touch_to_the_sale_or_to_nothing(
    shop: dict[str, Any],
) -> None:
    counted = counts.count(VALUES, group_by=CreditGroup.NOTE)

    first, second = (counted.groups.index(str(note.pk)) for note in shop["notes"])
    by_name = counted.counts[[0, first + 1, second + 1]][:, [first, second, 2, 3]]
    # to the first, to the second, to a sale, to nothing
    assert by_name.tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1]]


@pytest.mark.django_db
def test_what_came_after_a_sale_is_a_path_of_its_own(shop: dict[str, Any]) -> None:
    world.event("note_open", NOW + HOUR, shop["buyer"], shop["notes"][0])

    counted = counts.count(VALUES, group_by=CreditGroup.SURFACE)

    assert counted.groups == ["explore", "search"]
    assert counted.counts.tolist() == [[3, 1, 0, 0], [0, 1, 0, 2], [0, 0, 1, 1]]


@pytest.mark.django_db
def test_a_note_of_several_topics_passes_through_them(shop: dict[str, Any]) -> None:
    counted = counts.count(VALUES, group_by=CreditGroup.TOPIC)

    assert len(counted.groups) == 3
    assert counted.groups[0] == ""  # the second note has none
    assert counted.counts[0].tolist() == [1, 2, 0, 0, 0]
    assert counted.counts[2].tolist() == [0, 0, 2, 0, 0] or counted.counts[1, 2] == 2


@pytest.mark.django_db
def test_groups_beyond_the_limit_are_one(
    shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "TRANSITIONS", counts.TRANSITIONS.replace("LIMIT 999", "LIMIT 1"))

    counted = counts.count(VALUES, group_by=CreditGroup.NOTE)

    assert len(counted.groups) == 2
    assert counted.groups[1] is None
    assert counted.counts[0].sum() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("basis", Basis)
def test_shares_and_the_unattributed_add_up_to_everything(
    shop: dict[str, Any], basis: Basis
) -> None:
    world.refund(shop["order"], units=1)
    world.attribute(shop["order"])

    answer = ask(basis=basis)

    first, second = shop["notes"]
    # without the first, two of three paths end at once; without the second, nothing is sold
    sales = {row[0]: row[1] for row in rows(answer)}
    assert sales[second.pk] > sales[first.pk] > 0
    assert sums(*answer.results, answer.unattributed) == sums(answer.total)
    assert sums(answer.unattributed)[:2] == (1.0, 50)
    assert answer.meta.definition == "attribution.markov"
    assert any("3 journeys, 1 sold" in note for note in answer.meta.notes)


@pytest.mark.django_db
def test_a_page_holds_its_part(shop: dict[str, Any]) -> None:
    both = rows(ask())
    pages = [ask(page=Slice(offset, 1)) for offset in (0, 1)]

    assert [rows(page) for page in pages] == [both[:1], both[1:]]
    assert [page.has_more for page in pages] == [True, False]


@pytest.mark.django_db
def test_a_report_is_kept_for_an_hour_and_then_computed_anew(shop: dict[str, Any]) -> None:
    question = Question(period=MARCH, population="real", currency="CNY")
    first = markov.report(question, at=NOW)
    world.event("note_open", NOW - HOUR, world.person(), shop["notes"][0])

    assert markov.report(question, at=NOW + HOUR / 2).paths == first.paths == 3
    assert markov.report(question, at=NOW + HOUR).paths == 4
    assert MarkovReport.objects.count() == 1


@pytest.mark.django_db
def test_beat_keeps_reports_on_what_is_asked_for_most(shop: dict[str, Any]) -> None:
    report_markov()
    report_markov()

    assert MarkovReport.objects.count() == len(CreditGroup) - 1


@pytest.mark.django_db
def test_an_author_sees_their_notes_of_everybodys_chain(shop: dict[str, Any]) -> None:
    note = shop["notes"][0]
    everything = ask()

    answer = ask(scope=Scope(author_id=note.author_id))

    assert rows(answer) == [row for row in rows(everything) if row[0] == note.pk]
    assert sums(answer.total) == sums(*answer.results)
    assert sums(answer.unattributed) == (0.0, 0, 0, 0)


@pytest.mark.django_db
def test_markov_over_http(shop: dict[str, Any]) -> None:
    caller = device(world.person(is_analyst=True))
    asked = "/stats/attribution?model=markov&from=2026-03-01&to=2026-03-21"

    body = get(caller, f"{asked}&group_by=surface")

    assert caller.get(f"{asked}&group_by=day").status_code == 400
    assert [row["label"] for row in body["results"]] == ["Search", "Explore"]
    assert body["meta"]["definition"] == "attribution.markov"
