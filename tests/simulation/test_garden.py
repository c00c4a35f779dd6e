"""A simulated brand that cultivates by the studio's functions, and moderation by its advice."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest

from redshop.simulation.arrays import policing
from redshop.simulation.arrays.garden import appeal_of
from redshop.simulation.arrays.replication import Lived
from redshop.simulation.results.statistics import every_pair
from redshop.simulation.scenario import Settings
from redshop.studio.attributes import LEVELS, WRITTEN
from tests.simulation.worlds import lived, scenario

BUDGET = {"growth.budget_minor": 600_000, "growth.brand": 2}
PLANTED = {"content.question": 0.6, "content.price_shown": -0.5}


pytestmark = pytest.mark.django_db


def in_arms(arms: Mapping[str, Mapping[str, object]]) -> Mapping[str, Lived]:
    return lived(scenario(arms, population__people=2_000, population__days=12))  # type: ignore[arg-type]


@cache
def gardens() -> Mapping[str, Lived]:
    return in_arms(
        {
            "drafted": {"growth.mode": "drafted", **BUDGET, **PLANTED},
            "cultivated": {"growth.mode": "cultivated", **BUDGET, **PLANTED},
            "nothing_to_learn": {"growth.mode": "cultivated", **BUDGET},
        }
    )


@pytest.fixture
def found(db: None) -> Mapping[str, Lived]:
    return gardens()


def share_of(lived: Lived, name: str, level: str) -> float:
    notes = lived.arm.notes
    mine = lived.arm.exists & (notes.bought > 0) & (notes.day >= 7)
    return float((notes.words[mine, WRITTEN.index(name)] == LEVELS[name].index(level)).mean())


def test_what_words_are_like_moves_readers_as_it_was_planted() -> None:
    words = np.zeros((2, len(WRITTEN)), dtype=np.int8)
    words[1, WRITTEN.index("hook")] = LEVELS["hook"].index("question")
    values = dict(scenario({"usual": {}}).settings("usual").values) | {"content.question": 0.3}

    assert appeal_of(words, Settings(values)).tolist() == [0.0, 0.3]


def test_drafts_are_the_brands_own_and_say_that_a_model_wrote_them(
    found: Mapping[str, Lived],
) -> None:
    arm = found["cultivated"].arm
    mine = arm.exists & (arm.notes.bought > 0)

    assert set(arm.notes.author[mine]) == {arm.world.count + 2}
    assert (arm.notes.generation[mine] < arm.told.number("publishing.generated")).all()


def test_it_learns_what_is_so_and_writes_by_it(found: Mapping[str, Lived]) -> None:
    garden = found["cultivated"].arm.garden
    assert garden is not None
    assert garden.lessons_so >= 1
    assert garden.lessons_not_so == 0
    # at random a quarter of the titles ask
    assert share_of(found["drafted"], "hook", "question") == pytest.approx(0.25, abs=0.1)
    assert share_of(found["cultivated"], "hook", "question") > 0.5


def test_where_there_is_nothing_to_learn_it_learns_nothing(found: Mapping[str, Lived]) -> None:
    garden = found["nothing_to_learn"].arm.garden
    assert garden is not None
    assert garden.lessons_so == 0
    assert garden.lessons_not_so <= 1


def test_who_looks_for_covert_advertising_finds_some_and_takes_it_down() -> None:
    covert = {"labels.paid": "undisclosed", "publishing.sponsored": 0.3}
    asking = {"labels.asks_to_buy": 1.0}
    arms = in_arms(
        {
            "left": {**covert, **asking},
            "policed": {**covert, **asking, "labels.policing": True},
            "labelled": {"labels.policing": True, "publishing.sponsored": 0.3, **asking},
        }
    )
    left, policed, labelled = (arms[name].arm for name in ("left", "policed", "labelled"))

    assert left.counts.taken_down == 0
    assert policed.counts.taken_down > 3 * policed.counts.taken_down_wrongly > -1
    assert int(policed.exists.sum()) < int(left.exists.sum())
    # what bears its label is no covert advertisement: what is left to find is honest notes
    assert labelled.counts.taken_down == labelled.counts.taken_down_wrongly
    asked = policing.asks_to_buy(policed, np.flatnonzero(policed.is_paid))
    assert asked.all()


def test_every_arm_stands_beside_every_other() -> None:
    rng = np.random.default_rng(1)
    results = [
        {arm: {"sales": float(base + rng.normal())} for arm, base in (("a", 0), ("b", 9), ("c", 9))}
        for _ in range(8)
    ]
    rows = {(row.arm, row.against): row for row in every_pair(results, metric="sales")}

    assert list(rows) == [("b", "a"), ("c", "a"), ("c", "b")]
    assert rows["b", "a"].low > 0
    assert rows["c", "b"].low < 0 < rows["c", "b"].high
