"""Experiments from exposure to answer: who is counted, in what, from when until when."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from redshop.accounts.models import User
from redshop.conversion.experiments.measures import measure
from redshop.conversion.selectors import experiments
from redshop.conversion.selectors.experiments import Question
from redshop.core.ids import uuid7
from redshop.experiments.factories import ArmFactory, ExperimentFactory
from redshop.experiments.models import Experiment, Exposure, Metric, State
from tests.conversion import world
from tests.conversion.test_api import device, get
from tests.conversion.world import DAY, HOUR, NOW, SHANGHAI

pytestmark = pytest.mark.django_db


@pytest.fixture
def running() -> Experiment:
    made = ExperimentFactory.create(key="bigger-pictures", name="Bigger pictures")
    ArmFactory.create(experiment=made, key="as-before", is_control=True)
    ArmFactory.create(experiment=made, key="bigger")
    type(made).objects.filter(pk=made.pk).update(state=State.RUNNING, started_at=NOW - 10 * DAY)
    made.refresh_from_db()
    return made


def expose(of: Experiment, arm: str, who: User | UUID, at: Any = NOW - 5 * DAY) -> None:
    Exposure.objects.create(
        experiment=of,
        arm=of.arms.get(key=arm),
        person_id=who.pk if isinstance(who, User) else None,
        visitor_id=who if isinstance(who, UUID) else None,
        population="real",
        exposed_at=at,
    )


def measured(of: Experiment, **rest: Any) -> dict[str, list[tuple[float, ...]]]:
    """Return, by arm, orders, net, opens, impressions of each person, and the same before."""
    values = {"until": NOW, "populations": ["real"], "currency": "CNY", **rest}
    found = measure(experiment_id=of.pk, **values)
    keys = {arm.pk: arm.key for arm in of.arms.all()}
    told: dict[str, list[tuple[float, ...]]] = {"crossovers": [(found.crossovers,)]}
    for place, arm in enumerate(found.arms):
        row = tuple(float(column[place]) for column in found.after.values())
        row += tuple(float(column[place]) for column in found.before.values())
        told.setdefault(keys[int(arm)], []).append(row)
    return {arm: sorted(rows) for arm, rows in told.items()}


def test_only_what_came_after_the_exposure_counts(running: Experiment) -> None:
    person, product = world.person(), world.product()
    note = world.note(product)
    expose(running, "bigger", person)
    for before in (20 * DAY, 6 * DAY):
        world.event("impression", NOW - before, person, note)
        world.order(person, (product, 300), at=NOW - before)
    world.event("impression", NOW - 5 * DAY, person, note)
    world.event("note_open", NOW - 4 * DAY, person, note)
    world.event("note_open", NOW - 4 * DAY, person, note, suspicion="bot")
    world.refund(world.order(person, (product, 100), at=NOW - 4 * DAY, quantity=2), units=1)
    world.order(person, (product, 70), at=NOW - 4 * DAY, currency="EUR")
    world.order(person, (product, 900), at=NOW)

    told = measured(running)

    # 20 days before is before the 14 that tell what somebody is like
    assert told == {"bigger": [(1, 100, 1, 1, 1, 300, 0, 1)], "crossovers": [(0,)]}


def test_a_visitor_who_logged_in_is_one_person(running: Experiment) -> None:
    visitor, person, note = uuid7(), world.person(), world.note(world.product())
    expose(running, "bigger", visitor, NOW - 6 * DAY)
    world.event("note_open", NOW - 5 * DAY, visitor, note)
    world.join(visitor, person)
    expose(running, "bigger", person, NOW - 4 * DAY)
    world.event("note_open", NOW - 3 * DAY, person, note)
    alone = uuid7()
    expose(running, "as-before", alone)
    world.event("note_open", NOW - 3 * DAY, alone, note)

    told = measured(running)

    assert told["bigger"] == [(0, 0, 2, 0, 0, 0, 0, 0)]
    assert told["as-before"] == [(0, 0, 1, 0, 0, 0, 0, 0)]


def test_who_was_shown_two_arms_is_in_neither(running: Experiment) -> None:
    visitor, person = uuid7(), world.person()
    expose(running, "as-before", visitor)
    world.join(visitor, person)
    expose(running, "bigger", person)

    assert measured(running) == {"crossovers": [(1,)]}


def fill(of: Experiment, *, people: int = 60) -> None:
    """Sixty in each arm: every second of the treated buys, every third of the others."""
    product = world.product()
    for arm, each in (("as-before", 3), ("bigger", 2)):
        for number in range(people):
            person = world.person()
            expose(of, arm, person)
            if number % each == 0:
                world.order(person, (product, 100), at=NOW - DAY)


def question(of: Experiment, **rest: Any) -> Question:
    defaults: dict[str, Any] = {
        "population": "real", "currency": "CNY", "until": NOW + DAY, "zone": SHANGHAI,
    }  # fmt: skip
    return Question(experiment=of, **{**defaults, **rest})


def test_the_primary_metric_comes_first_and_the_others_are_corrected(running: Experiment) -> None:
    fill(running)

    answer = experiments.experiment(question(running), at=NOW + DAY)

    assert [result.key for result in answer.results] == [metric.value for metric in Metric]
    first, second, *_ = answer.results
    assert [(arm.arm, arm.value) for arm in first.arms] == [
        ("as-before", pytest.approx(1 / 3)),
        ("bigger", 0.5),
    ]
    [effect] = first.effects
    assert effect.absolute.difference == pytest.approx(1 / 6)
    assert effect.relative.difference == pytest.approx(0.5)
    assert effect.p_adjusted == effect.absolute.p
    assert second.effects[0].p_adjusted >= second.effects[0].absolute.p
    assert effect.always_valid.p > effect.absolute.p
    assert effect.cuped is not None
    assert effect.cuped.effect.difference == pytest.approx(1 / 6)
    assert answer.results[3].effects[0].cuped is None
    assert [arm.people for arm in answer.arms] == [60, 60]
    assert answer.sample_ratio.p == 1.0


def test_what_came_after_the_end_does_not_count(running: Experiment) -> None:
    fill(running)
    type(running).objects.filter(pk=running.pk).update(
        state=State.STOPPED, stopped_at=NOW - 2 * DAY
    )
    running.refresh_from_db()

    answer = experiments.experiment(question(running), at=NOW + DAY)

    assert [arm.value for arm in answer.results[0].arms] == [0.0, 0.0]
    assert [arm.people for arm in answer.arms] == [60, 60]


def test_nobody_yet_is_no_error(running: Experiment) -> None:
    answer = experiments.experiment(question(running), at=NOW)

    assert [arm.people for arm in answer.arms] == [0, 0]
    assert answer.results[0].effects[0].absolute.p == 1.0


def test_experiments_over_http(running: Experiment) -> None:
    type(running).objects.filter(pk=running.pk).update(started_at=timezone.now() - 10 * DAY)
    product, now = world.product(), timezone.now()
    for arm in ("as-before", "bigger"):
        for number in range(4):
            person = world.person()
            expose(running, arm, person, now - DAY)
            if number:
                world.order(person, (product, 100 * number), at=now - HOUR)
    analyst, other = device(world.person(is_analyst=True)), device(world.person())
    path = "/stats/experiments/bigger-pictures"

    body = get(analyst, path)
    table = analyst.get(f"{path}?format=csv").content.decode().splitlines()

    assert {arm["arm"]: arm["people"] for arm in body["arms"]} == {"as-before": 4, "bigger": 4}
    result = body["results"][0]
    assert (result["key"], result["is_primary"]) == ("conversion", True)
    assert result["effects"][0]["absolute"]["difference"] == 0.0
    assert body["sample_ratio"] == {"chi_squared": 0.0, "p": 1.0, "is_mismatch": False}
    assert body["meta"]["definition"] == "experiment"
    assert len(table) == 1 + len(Metric)
    assert "bigger_absolute_difference" in table[0]
    assert json.dumps(body)
    assert other.get(path).status_code == 403
    assert analyst.get("/stats/experiments/none").status_code == 404


def test_an_answer_without_an_end_is_still_json(running: Experiment) -> None:
    expose(running, "bigger", world.person(), timezone.now() - timedelta(minutes=1))

    body = get(device(world.person(is_analyst=True)), "/stats/experiments/bigger-pictures")

    effect = body["results"][0]["effects"][0]["absolute"]
    assert (effect["low"], effect["high"], effect["p"]) == (None, None, 1.0)
