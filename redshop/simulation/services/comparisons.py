"""Comparisons: begun, stopped, gone on with.

A comparison is begun once, whoever asks how often: the same scenario, seed and code go on where
they ended. Its replications are rows that anybody may live (``services.replicates``).
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

import notes.discovery
import redshop.simulation
from notes.discovery import choosing
from notes.discovery.policies import FeedPolicy
from redshop.core.db import requires_transaction
from redshop.core.errors import NotFound
from redshop.simulation.errors import ScenarioInvalid
from redshop.simulation.knobs import KNOBS
from redshop.simulation.metrics import METRICS
from redshop.simulation.models import Comparison, ComparisonState, Replicate
from redshop.simulation.scenario import Scenario
from redshop.simulation.sources import digest_of

#: Whoever stops when it is precise looks after so many replications.
LOOKS: Final = 4
#: Replications of a scenario that compares arms, and of one that does not, unless told otherwise.
COMPARED, ALONE = 8, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a scenario is put to the test.

    With a ``half_width`` no more replications are lived once every difference in the scenario's
    metric is known within that share of what it is compared with; that is looked at after every
    ``LOOKS``, so that it does not depend on who lived them, and when.
    """

    scenario: Scenario
    seed: int
    replications: int | None = None  #: at most; ``COMPARED`` or ``ALONE`` where absent
    half_width: float | None = None
    sweep: int = 0  #: replications at either end of every assumption

    @property
    def planned(self) -> int:
        return self.replications or (COMPARED if len(self.scenario.arms) > 1 else ALONE)

    @property
    def swept(self) -> int:
        return self.sweep if len(self.scenario.arms) > 1 else 0


@cache
def code() -> str:
    """Return a digest of the code whose numbers a comparison's are: behaviour and ranking."""
    ours, ranking = (
        Path(str(each.__file__)).parent for each in (redshop.simulation, notes.discovery)
    )
    return digest_of(ours / "arrays", ours / "behaviour", ours / "results", ranking)


def policies_of(scenario: Scenario) -> dict[str, FeedPolicy]:
    """Return the ranking policies that the arms of a scenario name.

    Raises:
        ScenarioInvalid: there is no such policy, or no world in memory can rank by it.
    """
    labels = {scenario.settings(arm).text("discovery.policy") for arm in scenario.arms}
    found: dict[str, FeedPolicy] = {}
    problems = []
    for label in sorted(labels):
        try:
            found[label] = choosing.named(label)
        except NotFound:
            problems.append(f"there is no ranking policy {label}")
            continue
        if found[label].is_learned:
            problems.append(f"{label} needs a learned model, which a world in memory has not")
    if problems:
        raise ScenarioInvalid(problems)
    return found


def check(scenario: Scenario) -> None:
    """Look at what only a shop knows: the metric that decides, the policies that rank.

    Raises:
        ScenarioInvalid: there is no such metric or policy.
    """
    if scenario.metric not in METRICS:
        raise ScenarioInvalid([f"metric must be one of {', '.join(METRICS)}"])
    policies_of(scenario)


@transaction.atomic(durable=True)
def begin(design: Design, *, at: datetime) -> Comparison:
    """Return the comparison that was asked for: one that was begun and not finished, or a new one.

    Raises:
        ScenarioInvalid: there is no such metric or policy.
    """
    check(design.scenario)
    unfinished = Comparison.objects.exclude(state=ComparisonState.COMPLETE).filter(
        digest=design.scenario.digest,
        code=code(),
        seed=design.seed,
        planned=design.planned,
        half_width=design.half_width,
        swept=design.swept,
    )
    same = unfinished.locked().first()
    return _create(design, at=at) if same is None else _resume(same)


def _create(design: Design, *, at: datetime) -> Comparison:
    scenario = design.scenario
    made = Comparison.objects.create(
        scenario=scenario.name,
        version=scenario.version,
        digest=scenario.digest,
        code=code(),
        said=scenario.as_text(),
        seed=design.seed,
        people=scenario.settings().whole("population.people"),
        days=scenario.settings().whole("population.days"),
        metric=scenario.metric,
        planned=design.planned,
        half_width=design.half_width,
        swept=design.swept,
        begun_at=at,
    )
    add(made, next_numbers(made, have=0))
    for key, knob in KNOBS.items():
        for value in knob.sweep or ():
            add(made, range(made.swept), key=key, value=value)
    return made


def next_numbers(comparison: Comparison, *, have: int) -> range:
    """Return the replications that are lived before anybody looks whether they are enough."""
    if comparison.half_width is None:
        return range(have, comparison.planned)
    return range(have, min(have + LOOKS, comparison.planned))


@requires_transaction
def add(comparison: Comparison, numbers: range, *, key: str = "", value: float = 0.0) -> None:
    """Ask for replications, with one assumption changed where a key is named."""
    Replicate.objects.bulk_create(
        Replicate(comparison=comparison, key=key, value=value, number=number) for number in numbers
    )


@requires_transaction
def _resume(comparison: Comparison) -> Comparison:
    comparison.state, comparison.trouble = ComparisonState.RUNNING, ""
    comparison.save(update_fields=["state", "trouble"])
    comparison.replicates.filter(done_at=None).update(attempts=0)
    return comparison


@transaction.atomic(durable=True)
def resume(*, comparison_id: int) -> bool:
    """Let a comparison that was stopped, or that failed, go on; tell whether it was one."""
    ended = Comparison.objects.filter(
        pk=comparison_id, state__in=[ComparisonState.STOPPED, ComparisonState.FAILED]
    )
    one = ended.locked().first()
    return one is not None and bool(_resume(one))


@transaction.atomic(durable=True)
def stop(*, comparison_id: int) -> bool:
    """Begin no more worlds of a comparison; tell whether it was running. What is done is kept."""
    running = Comparison.objects.filter(pk=comparison_id, state=ComparisonState.RUNNING)
    return bool(running.update(state=ComparisonState.STOPPED))


@transaction.atomic(durable=True)
def fail(*, comparison_id: int, why: str) -> None:
    """Give a comparison up, until somebody lets it go on."""
    Comparison.objects.filter(pk=comparison_id, state=ComparisonState.RUNNING).update(
        state=ComparisonState.FAILED, trouble=why
    )


def running() -> QuerySet[Comparison]:
    """Return the comparisons that this version of the code may go on with."""
    return Comparison.objects.filter(state=ComparisonState.RUNNING, code=code())


def waiting(comparison_id: int | None = None) -> QuerySet[Replicate]:
    """Return the replications that wait to be lived, or are being lived."""
    undone = Replicate.objects.filter(done_at=None, comparison__in=running())
    return undone if comparison_id is None else undone.filter(comparison=comparison_id)


def wanted() -> int:
    """Return how many simulators find something to do."""
    return max(waiting().count(), int(running().exists()))
