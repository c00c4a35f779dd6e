"""Who is shown what: the same for ever, logged once, and fixed once it has begun."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from scipy import stats

from redshop.events.factories import MOMENT
from redshop.experiments import assignment
from redshop.experiments.assignment import Choice
from redshop.experiments.errors import NotReady, WrongState
from redshop.experiments.factories import ArmFactory, ExperimentFactory
from redshop.experiments.models import Arm, Experiment, Exposure, State
from redshop.experiments.services import running

pytestmark = pytest.mark.django_db(transaction=True)
UNITS = [f"person {number}" for number in range(20_000)]


@pytest.fixture
def draft() -> Experiment:
    made: Experiment = ExperimentFactory.create(key="pictures", salt="salt")
    ArmFactory.create(experiment=made, key="control", is_control=True)
    ArmFactory.create(experiment=made, key="treated", weight=3)
    return made


@pytest.fixture
def live(draft: Experiment) -> Experiment:
    return running.start(experiment_id=draft.pk, at=MOMENT)


def expose(**who: Any) -> str | None:
    return running.expose(**{"key": "pictures", "person_id": None, "at": MOMENT, **who})


def test_draws_are_uniform_and_of_two_salts_independent() -> None:
    draws = [
        [assignment.draw(salt=f"salt {number}", purpose="arm", unit=unit) for unit in UNITS]
        for number in range(21)
    ]
    related = [stats.pearsonr(one, two).statistic for one, two in itertools.pairwise(draws)]
    far = len(UNITS) * sum(each**2 for each in related)

    assert stats.combine_pvalues([stats.kstest(one, "uniform").pvalue for one in draws])[1] > 0.01
    assert 0.005 < stats.chi2.cdf(far, len(related)) < 0.995


def test_arms_are_chosen_by_weight() -> None:
    arms = [Choice(1, 1), Choice(2, 3)]

    chosen = [assignment.choose(arms, salt="s", unit=unit) for unit in UNITS]

    assert stats.chisquare([chosen.count(1), chosen.count(2)], [5_000, 15_000]).pvalue > 0.01
    assert chosen == [assignment.choose(arms, salt="s", unit=unit) for unit in UNITS]
    with pytest.raises(ValueError, match="no arm"):
        assignment.choose([], salt="s", unit="person 1")


def test_a_larger_share_keeps_everybody_of_a_smaller_one() -> None:
    small, large = (
        {unit for unit in UNITS if assignment.is_enrolled(salt="s", unit=unit, share=share)}
        for share in (1_000, 3_000)
    )

    assert small < large
    assert 1_850 < len(small) < 2_150
    assert all(assignment.is_enrolled(salt="s", unit=unit, share=10_000) for unit in UNITS)


def test_nobody_cannot_be_assigned() -> None:
    with pytest.raises(ValueError, match="somebody"):
        assignment.unit_of(person_id=None, visitor_id=None)


def test_everybody_keeps_their_arm_and_is_logged_once(live: Experiment) -> None:
    first = {number: expose(person_id=number) for number in range(40)}
    again = {number: expose(person_id=number) for number in range(40)}

    assert first == again
    assert set(first.values()) == {"control", "treated"}
    assert Exposure.objects.count() == 40


def test_who_logs_in_keeps_the_arm_of_their_device(live: Experiment) -> None:
    devices = {number: uuid4() for number in range(30)}

    before = {number: expose(visitor_id=device) for number, device in devices.items()}
    after = {number: expose(visitor_id=d, person_id=number) for number, d in devices.items()}
    elsewhere = {number: expose(person_id=number, visitor_id=uuid4()) for number in devices}

    assert before == after == elsewhere
    assert Exposure.objects.filter(person_id__isnull=False).count() == 30


def test_nobody_is_shown_what_does_not_run(draft: Experiment) -> None:
    assert expose(person_id=1) is None
    running.start(experiment_id=draft.pk, at=MOMENT)
    assert expose(person_id=1) is not None
    running.stop(experiment_id=draft.pk, at=MOMENT)
    assert expose(person_id=1) is None
    assert running.expose(key="no-such", person_id=1, at=MOMENT) is None


def test_who_takes_no_part_is_shown_what_is_usual(draft: Experiment) -> None:
    Experiment.objects.update(share=1)
    running.start(experiment_id=draft.pk, at=MOMENT)

    assert [expose(person_id=number) for number in range(50)] == [None] * 50
    assert Exposure.objects.count() == 0


def test_an_experiment_starts_once_and_with_a_control(draft: Experiment) -> None:
    for bare in (
        ExperimentFactory.create(),
        ArmFactory.create(is_control=True).experiment,
        ArmFactory.create(experiment=ArmFactory.create().experiment).experiment,
    ):
        with pytest.raises(NotReady):
            running.start(experiment_id=bare.pk, at=MOMENT)
        bare.refresh_from_db()
        assert bare.state == State.DRAFT
    with pytest.raises(WrongState):
        running.stop(experiment_id=draft.pk, at=MOMENT)
    running.start(experiment_id=draft.pk, at=MOMENT)
    with pytest.raises(WrongState):
        running.start(experiment_id=draft.pk, at=MOMENT)


def test_what_has_begun_cannot_change(live: Experiment) -> None:
    arm = live.arms.get(key="treated")
    expose(person_id=1)

    for change in (
        lambda: Arm.objects.filter(pk=arm.pk).update(weight=9),
        lambda: Arm.objects.filter(pk=arm.pk).delete(),
        lambda: ArmFactory.create(experiment=live),
        lambda: Experiment.objects.update(salt="another"),
        lambda: Experiment.objects.update(share=1),
        lambda: Experiment.objects.update(primary_metric="orders"),
        lambda: Experiment.objects.update(state="draft", started_at=None),
        lambda: Exposure.objects.update(exposed_at=MOMENT),
        lambda: Exposure.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    Experiment.objects.update(name="Another name", hypothesis="Said later.")


def test_the_database_knows_one_control_and_one_exposure(draft: Experiment) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ArmFactory.create(experiment=draft, is_control=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        ArmFactory.create(experiment=draft, key="extra", weight=0)


def test_who_comes_twice_at_once_is_logged_once(live: Experiment) -> None:
    device = uuid4()

    def come(_: int) -> str | None:
        try:
            return expose(visitor_id=device)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        arms = set(pool.map(come, range(24)))

    assert len(arms) == 1
    assert Exposure.objects.count() == 1
