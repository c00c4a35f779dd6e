"""Insight: it finds what is there, seldom what is not, and says where it does not know."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from redshop.conversion.services import snapshots
from redshop.studio import attributes
from redshop.studio.attributes import LEVELS, Circumstances
from redshop.studio.insight import answering, estimation, judging
from redshop.studio.insight.judging import Finding
from redshop.studio.insight.reading import rows
from redshop.studio.insight.rows import Row, Scope, stratum
from redshop.studio.models import InsightReport
from redshop.studio.services import learning
from tests.conversion import world
from tests.conversion.world import DAY, HOUR, NOW

#: What is planted where something is: how many times more people open a note of a level.
PLANTED = {("hook", "question"): 1.35, ("price", "shown"): 0.75}


def notes(
    seed: int,
    *,
    count: int = 1_500,
    authors: int = 400,
    effects: Mapping[tuple[str, str], float] | None = None,
    origin: str = "organic",
) -> list[Row]:
    """Return notes of a world in which authors differ, notes are noisy and effects are known."""
    rng = np.random.default_rng(seed)
    skill = rng.normal(0, 0.5, authors)
    sizes = rng.choice(LEVELS["creator"], authors, p=[0.6, 0.3, 0.1])
    made = []
    for number in range(count):
        author = int(rng.integers(authors))
        levels = {name: str(rng.choice(choices)) for name, choices in LEVELS.items()}
        levels["creator"] = str(sizes[author])
        times = np.prod([gain for (k, v), gain in (effects or {}).items() if levels[k] == v])
        people = int(rng.gamma(1, 200)) + 5
        rate = min(0.17 * np.exp(skill[author] + rng.normal(0, 0.4) - 0.2) * times, 0.9)
        opened = int(rng.binomial(people, rate))
        opens = opened + int(rng.poisson(0.1 * opened))
        views = int(rng.poisson(0.15 * opens * np.exp(rng.normal(0, 0.5))))
        sales = int(rng.poisson(0.08 * views))
        made.append(
            Row(
                note_id=number,
                author_id=author,
                stratum=origin,
                language="cjk" if rng.random() < 0.5 else "other",
                has_product=bool(rng.random() < 0.7),
                levels=levels,
                topics=tuple(topic for topic in "abc" if rng.random() < 0.3),
                people=people,
                saw_and_opened=opened,
                opens=opens,
                saves=int(rng.poisson(0.05 * opens * np.exp(rng.normal(0, 0.5)))),
                product_views=views,
                impressions=int(people * 1.3),
                sales=float(sales),
                net_minor=int(sum(rng.lognormal(9, 1) for _ in range(sales))),
            )
        )
    return made


def of_opens(findings: tuple[Finding, ...]) -> dict[tuple[str, str], Finding]:
    return {(f.attribute, f.level): f for f in findings if f.outcome == "opens" and f.ratio}


def organic(rows: list[Row]) -> list[Finding]:
    found = judging.judged(rows)
    return [each for each in found if (each.stratum, each.outcome) == ("organic", "opens")]


def test_planted_effects_are_recovered_within_their_intervals() -> None:
    found, inside = 0, 0
    for seed in range(8):
        told = of_opens(judging.judged(notes(100 + seed, effects=PLANTED)))
        for key, truth in PLANTED.items():
            finding = told[key]
            assert finding.ratio is not None
            found += finding.is_effect
            inside += finding.ratio.low <= truth <= finding.ratio.high
    assert found >= 13  # of 16
    assert inside >= 13


def test_where_nothing_is_planted_hardly_anything_is_found() -> None:
    worlds_with_any, p_values = 0, []
    for seed in range(30):
        findings = judging.judged(notes(seed))
        worlds_with_any += any(finding.is_effect for finding in findings)
        p_values += [finding.ratio.p for finding in findings if finding.ratio]
    # where there is nothing, the rate of false discoveries is the chance of finding anything
    assert worlds_with_any / 30 <= judging.FALSE_DISCOVERIES
    assert np.mean(np.array(p_values) < 0.05) <= 0.08


def test_false_discoveries_among_true_ones_stay_within_the_stated_rate() -> None:
    false, told = [], 0
    for seed in range(10):
        findings = of_opens(judging.judged(notes(200 + seed, effects=PLANTED)))
        effects = [key for key, finding in findings.items() if finding.is_effect]
        false.append(sum(key not in PLANTED for key in effects) / max(len(effects), 1))
        told += len(effects)
    assert told > 10
    assert np.mean(false) <= judging.FALSE_DISCOVERIES


def test_organic_paid_and_ai_are_apart() -> None:
    organic = notes(1, effects={("hook", "question"): 1.6})
    paid = notes(2, origin="paid")
    findings = judging.judged([*organic, *paid])
    effects = {(f.stratum, f.attribute, f.level) for f in findings if f.is_effect}

    assert ("organic", "hook", "question") in effects
    assert ("paid", "hook", "question") not in effects
    assert stratum(disclosure="ad", ai_use="none") == "paid"
    assert stratum(disclosure="ad", ai_use="assisted") == "ai"
    assert stratum(disclosure="", ai_use="none") == "organic"


def test_too_little_is_said_to_be_too_little() -> None:
    findings = judging.judged(notes(3, count=40, authors=12))

    assert findings
    assert {finding.said for finding in findings} == {"not enough data"}
    assert not any(finding.is_effect for finding in findings)
    few = [row for row in notes(4) if row.levels["type"] != "video"]
    few += [row for row in notes(4) if row.levels["type"] == "video"][:5]
    told = {(f.attribute, f.level): f.said for f in organic(few)}
    assert told["type", "video"] == "not enough data"
    assert told["type", "text"] != "not enough data"


def test_what_always_goes_together_is_not_told_apart() -> None:
    together = []
    for row in notes(5, effects={("hook", "question"): 1.8}):
        shown = "shown" if row.levels["hook"] == "question" else "not shown"
        together.append(Row(**{**_columns(row), "levels": {**row.levels, "price": shown}}))
    told = {(f.attribute, f.level): f for f in organic(together)}

    known = [key for key in (("hook", "question"), ("price", "shown")) if told[key].ratio]
    assert len(known) == 1


def _columns(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}


def test_the_estimate_is_that_of_the_mean_where_there_is_one_attribute() -> None:
    design = np.array([[1.0, x] for x in [0.0] * 30 + [1.0] * 30])
    sums = np.array([10.0] * 30 + [15.0] * 30)
    found = estimation.fit(design, sums, np.full(60, 100.0), np.arange(60))

    assert found is not None
    ratio = estimation.ratio_of(found, 1)
    assert ratio is None or ratio.value == pytest.approx(1.5)
    assert found.coefficients[1] == pytest.approx(np.log(1.5))


def test_a_level_of_which_nothing_came_has_no_estimate() -> None:
    design = np.array([[1.0, x] for x in [0.0] * 30 + [1.0] * 30])
    sums = np.array([10.0] * 30 + [0.0] * 30)

    assert estimation.fit(design, sums, np.full(60, 100.0), np.arange(60)) is None
    assert estimation.fit(design, np.zeros(60), np.full(60, 100.0), np.arange(60)) is None


def test_rates_of_false_discoveries_are_those_of_benjamini_and_yekutieli() -> None:
    harmonic = 1 + 1 / 2 + 1 / 3
    found = estimation.false_discovery_rates([0.5, 0.01, 0.04])

    assert found == pytest.approx([0.5 * harmonic, 0.03 * harmonic, 0.06 * harmonic])
    assert estimation.false_discovery_rates([]) == []


@pytest.mark.parametrize(
    ("title", "body", "levels"),
    [
        ("Who is it for?", "Short.", {"hook": "question", "length": "short", "form": "other"}),
        ("防晒怎么选", "第一，看成分。", {"hook": "question", "form": "tutorial"}),
        ("5 things to know", "It costs 30 euro.", {"hook": "number", "price": "shown"}),
        ("用了3周，来说实话", "还不错。", {"hook": "number", "form": "review"}),
        ("Here it is!", "word " * 90, {"hook": "exclamation", "length": "long"}),
        ("Una recensione onesta", "Bene.", {"hook": "statement", "form": "review"}),
        ("今天", "现在¥199。", {"price": "shown", "length": "short"}),
    ],
)
def test_words_are_read_the_same_whoever_wrote_them(
    title: str, body: str, levels: dict[str, str]
) -> None:
    found = attributes.tag_words(title=title, body=body)

    assert {name: found[name] for name in levels} == levels


def test_circumstances_are_levels_too() -> None:
    told = Circumstances(
        type="video",
        followers=250,
        origin="user",
        has_verified_purchase=True,
        published_at=NOW,  # noon in London, evening in Shanghai
        zone=ZoneInfo("Asia/Shanghai"),
    )
    found = attributes.tag(title="A", body="B", told=told)

    assert (found["creator"], found["provenance"], found["hour"]) == (
        "medium",
        "verified purchase",
        "evening",
    )


@pytest.mark.django_db
def test_notes_are_read_at_one_age_with_what_came_of_them() -> None:
    product = world.product()
    at = NOW - 30 * DAY
    shown = world.note(product, topics=["skincare"])
    shown.published_at, shown.title, shown.body = at, "Who is it for?", "B"
    shown.save()
    buyer, other = world.person(), world.person()
    for who in (buyer, other):
        world.event("impression", at + HOUR, who, shown)
    world.event("note_open", at + 2 * HOUR, buyer, shown)
    world.event("product_view", at + 2 * HOUR, buyer, shown, of=product)
    world.event("impression", at + 9 * DAY, world.person(), shown)  # too late for seven days
    bought = world.order(buyer, (product, 3_000), at=at + 3 * HOUR)
    world.attribute(bought)
    snapshots.take(at=NOW)
    scope = Scope(
        since=NOW - 60 * DAY,
        until=NOW,
        population="real",
        currency="CNY",
        zone=ZoneInfo("Asia/Shanghai"),
    )

    (row,) = rows(scope)
    assert (row.people, row.saw_and_opened, row.product_views) == (2, 1, 1)
    assert (row.sales, row.net_minor, row.topics) == (1.0, 3_000, ("skincare",))
    assert (row.levels["hook"], row.stratum, row.language) == ("question", "organic", "other")
    report = learning.compute_insight(scope, at=NOW)
    assert report.notes == {"organic": 1, "paid": 0, "ai": 0}
    assert {each["said"] for each in report.document["findings"]} == {"not enough data"}


@pytest.mark.django_db
def test_an_effect_of_what_can_be_chosen_is_a_lesson_and_others_are_not() -> None:
    ratio = {"value": 1.4, "low": 1.2, "high": 1.6, "p": 0.0001}
    finding = {
        "stratum": "organic",
        "outcome": "opens",
        "level": "question",
        "against": "statement",
        "ratio": ratio,
        "is_effect": True,
        "q": 0.01,
    }
    InsightReport.objects.create(
        population="real",
        since=NOW - 90 * DAY,
        until=NOW,
        version=answering.VERSION,
        document={
            "findings": [
                {**finding, "attribute": "hook"},
                {**finding, "attribute": "hour", "level": "night"},
                {**finding, "attribute": "length", "level": "long", "is_effect": False},
            ]
        },
        computed_at=NOW - timedelta(hours=1),
    )
    (lesson,) = learning.lessons_for(brand_id=1, population="real", at=NOW)

    assert (lesson["attribute"], lesson["level"], lesson["source"]) == (
        "hook",
        "question",
        "insight, organic",
    )
    assert learning.lessons_for(brand_id=1, population="simulated", at=NOW) == []
