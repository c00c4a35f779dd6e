"""Living the replications of comparisons: one at a time, each by whoever takes it, once.

Who lives one holds an advisory lock for as long, and no transaction. Where that process dies, the
server frees the lock and somebody else takes the replication; where two lived it all the same, they
came to the same and the first is kept.
"""

import json
import socket
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from redshop.core.db import session_lock
from redshop.simulation.arrays.replication import Replication, replicate
from redshop.simulation.models import Comparison, ComparisonState, Replicate
from redshop.simulation.results import keeping, parquet
from redshop.simulation.results.document import document
from redshop.simulation.results.page import in_words
from redshop.simulation.results.statistics import is_precise
from redshop.simulation.results.sweeping import sweep_rows
from redshop.simulation.scenario import Scenario, restored
from redshop.simulation.services import comparisons

#: Above the ids of replications in the numbers of advisory locks ("sim" in ASCII).
LOCKS: Final = 0x73696D << 32
#: A replication that was begun so often and never ended makes its comparison fail.
MOST_STARTS: Final = 5


def live_next(*, comparison_id: int | None = None) -> bool:
    """Live the next replication that nobody lives, of any comparison; tell whether there was one.

    Raises:
        Exception: whatever it raised; told in the comparison, too, once it did so often enough.
    """
    with _taken(comparison_id) as taken:
        if taken is None:
            return False
        try:
            _live(taken)
        except Exception as error:
            told = "".join(traceback.format_exception_only(error)).strip()
            if taken.attempts >= MOST_STARTS:
                comparisons.fail(comparison_id=taken.comparison_id, why=f"{taken}: {told}")
            raise
    advance(comparison_id=taken.comparison_id)
    return True


def advance_all() -> None:
    """Bring on what a process left that died between a replication and what follows from it."""
    whole = comparisons.running().exclude(replicates__done_at=None)
    for comparison_id in whole.values_list("pk", flat=True):
        advance(comparison_id=comparison_id)


@contextmanager
def _taken(comparison_id: int | None) -> Iterator[Replicate | None]:
    """Hold the first replication that nobody holds; none where there is none."""
    undone = comparisons.waiting(comparison_id).order_by("comparison", "pk")
    for replicate_id in undone.values_list("pk", flat=True):
        with session_lock(LOCKS | replicate_id, waits=False) as is_mine:
            if is_mine and (taken := _start(replicate_id)) is not None:
                yield taken
                return
    yield None


def _start(replicate_id: int) -> Replicate | None:
    """Count a start, before the work that may kill this process; None where it is done by now."""
    with transaction.atomic(durable=True):
        Replicate.objects.filter(pk=replicate_id, done_at=None).update(
            attempts=F("attempts") + 1, begun_at=Now(), host=socket.gethostname()
        )
    return comparisons.waiting().filter(pk=replicate_id).select_related("comparison").first()


def _live(taken: Replicate) -> None:
    if taken.attempts > MOST_STARTS:
        raise RuntimeError(f"was begun {MOST_STARTS} times and never ended")
    scenario = restored(taken.comparison.said)
    changed = scenario.with_told({taken.key: taken.value}) if taken.key else scenario
    done = replicate(
        changed,
        comparisons.policies_of(scenario),
        seed=taken.comparison.seed,
        number=taken.number,
    )
    with transaction.atomic(durable=True):
        Replicate.objects.filter(pk=taken.pk, done_at=None).update(
            result=keeping.text_of(done), done_at=Now()
        )


@transaction.atomic(durable=True)
def advance(*, comparison_id: int) -> None:
    """Ask for the replications that are still wanting, or conclude, once none is undone."""
    comparison = Comparison.objects.filter(pk=comparison_id).locked().first()
    if comparison is None or comparison.state != ComparisonState.RUNNING:
        return
    if comparison.replicates.filter(done_at=None).exists():
        return
    scenario = restored(comparison.said)
    done: dict[tuple[str, float], list[Replication]] = {}
    for key, value, text in comparison.replicates.order_by("number").values_list(
        "key", "value", "result"
    ):
        done.setdefault((key, value), []).append(keeping.replication_of(text))
    usual = done.pop(("", 0.0))
    wanting = comparisons.next_numbers(comparison, have=len(usual))
    if wanting and not _is_enough(comparison, scenario, usual):
        comparisons.add(comparison, wanting)
        return
    found = document(scenario, usual, seed=comparison.seed, sweep=list(sweep_rows(scenario, done)))
    comparison.parquet = parquet.write(comparison.pk, found, {("", 0.0): usual, **done})
    comparison.text = json.dumps(found, ensure_ascii=False)
    comparison.found = in_words(found)
    comparison.replications = len(usual)
    comparison.state = ComparisonState.COMPLETE
    comparison.compared_at = Now()
    comparison.save()


def _is_enough(comparison: Comparison, scenario: Scenario, done: Sequence[Replication]) -> bool:
    return comparison.half_width is not None and is_precise(
        [each.metrics for each in done],
        against=scenario.against,
        metric=scenario.metric,
        half_width=comparison.half_width,
    )


@transaction.atomic(durable=True)
def forget(*, comparison_id: int) -> None:
    """Keep nothing of a comparison."""
    for comparison in Comparison.objects.filter(pk=comparison_id):
        parquet.remove(comparison.parquet)
        comparison.delete()
