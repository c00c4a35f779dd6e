"""Starting and stopping experiments, and showing people their arm."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from redshop.core.populations import Population
from redshop.experiments import assignment
from redshop.experiments.assignment import Choice
from redshop.experiments.errors import NotReady, WrongState
from redshop.experiments.models import Arm, Experiment, Exposure, State


@transaction.atomic(durable=True)
def start(*, experiment_id: int, at: datetime) -> Experiment:
    """Start an experiment; from now on neither its arms nor who is in which can change.

    Locks: the experiment.

    Raises:
        WrongState: it was started before.
        NotReady: it has fewer than two arms, or no control.
    """
    experiment = Experiment.objects.locked().get(pk=experiment_id)
    if experiment.state != State.DRAFT:
        raise WrongState("It was started before.")
    arms = list(experiment.arms.all())
    if len(arms) < 2 or not any(arm.is_control for arm in arms):
        raise NotReady
    experiment.state, experiment.started_at = State.RUNNING, at
    experiment.save(update_fields=["state", "started_at"])
    return experiment


@transaction.atomic(durable=True)
def stop(*, experiment_id: int, at: datetime) -> Experiment:
    """Stop an experiment: nobody is shown an arm any more, and what comes later does not count.

    Locks: the experiment.

    Raises:
        WrongState: it does not run.
    """
    experiment = Experiment.objects.locked().get(pk=experiment_id)
    if experiment.state != State.RUNNING:
        raise WrongState("It does not run.")
    experiment.state, experiment.stopped_at = State.STOPPED, at
    experiment.save(update_fields=["state", "stopped_at"])
    return experiment


@transaction.atomic
def expose(
    *,
    key: str,
    person_id: int | None,
    visitor_id: UUID | None = None,
    population: str = Population.REAL,
    at: datetime,
) -> str | None:
    """Return the key of the arm that somebody is shown, and log that they were, the first time.

    None where the experiment does not run, or they take no part in it: then whatever is usual is
    shown. Somebody who logs in keeps the arm that their device was shown.
    """
    experiment = Experiment.objects.filter(key=key, state=State.RUNNING).first()
    if experiment is None:
        return None
    known = _known(experiment, person_id=person_id, visitor_id=visitor_id)
    arm_id = known.arm_id if known else _assigned(experiment, person_id, visitor_id)
    if arm_id is None:
        return None
    if known is None or (person_id is not None and known.person_id is None):
        Exposure.objects.bulk_create(
            [
                Exposure(
                    experiment=experiment,
                    arm_id=arm_id,
                    person_id=person_id,
                    visitor_id=visitor_id,
                    population=population,
                    exposed_at=at,
                )
            ],
            ignore_conflicts=True,
        )
    return str(Arm.objects.values_list("key", flat=True).get(pk=arm_id))


def _known(
    experiment: Experiment, *, person_id: int | None, visitor_id: UUID | None
) -> Exposure | None:
    """Return what somebody was shown before: as the person, else as the visitor."""
    mine = Q(person_id__isnull=False, person_id=person_id)
    as_visitor = Q(person_id=None, visitor_id__isnull=False, visitor_id=visitor_id)
    rows = Exposure.objects.filter(mine | as_visitor, experiment=experiment)
    return min(rows, key=lambda row: row.person_id is None, default=None)


def _assigned(experiment: Experiment, person_id: int | None, visitor_id: UUID | None) -> int | None:
    unit = assignment.unit_of(person_id=person_id, visitor_id=visitor_id)
    if not assignment.is_enrolled(salt=experiment.salt, unit=unit, share=experiment.share):
        return None
    choices = [Choice(arm.pk, arm.weight) for arm in experiment.arms.all()]
    return assignment.choose(choices, salt=experiment.salt, unit=unit)
