"""The record of each run: begun, checkpointed each day, finished; and whether anyone lives here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from redshop.core.db import requires_transaction, session_lock
from redshop.simulation.errors import AlreadyPopulated, RunInProgress, RunInterrupted, SeedTaken
from redshop.simulation.models import RunState, SimulationRun
from redshop.simulation.scenario import Scenario

#: The advisory lock of the one simulation that may run on a database ("redshop" in ASCII).
LOCK: Final = 0x72656473686F70


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run was asked to be."""

    seed: int
    people: int
    days: int
    scenario: Scenario
    until: datetime
    #: Of a world that is lived in memory and planted here: the arm, and one of how many exposures.
    arm: str = ""
    thinned: int = 0

    @property
    def declaration(self) -> str:
        """What the population deviates in from the calibration, in one line."""
        if not self.arm:
            return self.scenario.declaration
        return (
            f"declared: planted from memory, arm {self.arm}, exposures thinned 1:{self.thinned}; "
            f"who bought because of what is in the table of causes"
        )

    @property
    def since(self) -> datetime:
        """The midnight at which the first day begins."""
        return self.until - timedelta(days=self.days)


def is_populated() -> bool:
    """Tell whether a whole simulated population lives here."""
    return SimulationRun.objects.filter(state=RunState.COMPLETE).exists()


def interrupted() -> SimulationRun | None:
    """Return the run that was begun and not finished, if there is one."""
    return SimulationRun.objects.filter(state=RunState.RUNNING).order_by("pk").first()


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of the one running simulation; the server frees it when the process dies.

    Raises:
        RunInProgress: another process holds it.
    """
    with session_lock(LOCK, waits=False) as is_mine:
        if not is_mine:
            raise RunInProgress
        yield


@transaction.atomic(durable=True)
def begin(*, plan: Plan, is_further: bool, at: datetime) -> tuple[SimulationRun, bool]:
    """Return the run to carry out, and whether it continues one that was interrupted.

    ``is_further`` asks for one more population beside those that are here.

    Raises:
        SeedTaken: a whole population of this seed is here.
        AlreadyPopulated: another population is here and no further one was asked for.
        RunInterrupted: a run with other settings was interrupted and no further one asked for.
    """
    same = SimulationRun.objects.filter(seed=plan.seed).locked().first()
    if same is not None and same.state == RunState.COMPLETE:
        raise SeedTaken if is_further else AlreadyPopulated
    if same is not None:
        asked = (plan.people, plan.days, plan.scenario.name, plan.arm, plan.thinned)
        if (same.people, same.days, same.scenario, same.arm, same.thinned) != asked:
            raise RunInterrupted(_told(same))
        return same, True
    if not is_further and (other := interrupted()) is not None:
        raise RunInterrupted(_told(other))
    if not is_further and is_populated():
        raise AlreadyPopulated
    return _create(plan=plan, at=at), False


def _create(*, plan: Plan, at: datetime) -> SimulationRun:
    return SimulationRun.objects.create(
        seed=plan.seed,
        people=plan.people,
        days=plan.days,
        scenario=plan.scenario.name,
        arm=plan.arm,
        thinned=plan.thinned,
        declaration=plan.declaration,
        since_at=plan.since,
        until_at=plan.until,
        started_at=at,
    )


def _told(run: SimulationRun) -> str:
    return (
        f"The simulation of {run} was interrupted after {run.days_done} whole days; continue it "
        f"with --people {run.people} --days {run.days} --seed {run.seed}"
        f"{f' --into-database --arm {run.arm} --thin {run.thinned}' if run.arm else ''}, "
        f"or use --again."
    )


@transaction.atomic(durable=True)
def begin_day(*, run_id: int) -> None:
    """Note that the next day has begun, so that it is never lived twice."""
    SimulationRun.objects.filter(pk=run_id).update(is_in_day=True)


@transaction.atomic(durable=True)
def checkpoint(*, run_id: int, days_done: int, agenda: Mapping[str, Any]) -> None:
    """Keep how many whole days were lived and what is still to happen."""
    keep(run_id=run_id, days_done=days_done, agenda=agenda)


@requires_transaction
def keep(*, run_id: int, days_done: int, agenda: Mapping[str, Any]) -> None:
    """Keep what ``checkpoint`` does as part of something larger."""
    SimulationRun.objects.filter(pk=run_id).update(
        days_done=days_done, agenda=agenda, is_in_day=False
    )


@transaction.atomic(durable=True)
def finish(*, run_id: int, summary: Mapping[str, Any], at: datetime) -> None:
    """Mark a run as whole."""
    SimulationRun.objects.filter(pk=run_id).update(
        state=RunState.COMPLETE, summary=summary, agenda={}, finished_at=at
    )
