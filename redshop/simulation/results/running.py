"""Running the replications of a scenario, on as many processes as are asked for."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import Any, Final

import django
import numpy as np

from notes.discovery.policies import FeedPolicy
from redshop.simulation.arrays.replication import Replication, replicate
from redshop.simulation.knobs import KNOBS
from redshop.simulation.measured import rate
from redshop.simulation.results.statistics import compare, is_precise
from redshop.simulation.scenario import Scenario

#: Told of each replication that is done.
Progress = Callable[[Replication], None]
#: Whoever stops when it is precise looks after so many replications.
LOOKS: Final = 4


def run(
    scenario: Scenario,
    policies: Mapping[str, FeedPolicy],
    *,
    seed: int,
    replications: int,
    workers: int,
    half_width: float | None,
    progress: Progress,
) -> list[Replication]:
    """Return the replications of a scenario by their numbers, however they were spread.

    With a ``half_width`` no more are begun once every difference in the scenario's metric is known
    within that share of what it is compared with; how many that takes is looked at after every
    ``LOOKS``, whatever finished first, so that it does not depend on the workers.
    """
    done: list[Replication] = []
    while len(done) < replications:
        until = min(len(done) + LOOKS, replications) if half_width is not None else replications
        for each in _some(
            scenario, policies, seed=seed, numbers=range(len(done), until), workers=workers
        ):
            progress(each)
            done.append(each)
        done.sort(key=lambda each: each.number)
        if half_width is not None and is_precise(
            [each.metrics for each in done],
            against=scenario.against,
            metric=scenario.metric,
            half_width=half_width,
        ):
            break
    return done


def sweep(
    scenario: Scenario,
    policies: Mapping[str, FeedPolicy],
    *,
    seed: int,
    replications: int,
    workers: int,
    progress: Callable[[], None],
) -> list[dict[str, Any]]:
    """Return what each arm differs by, in the scenario's metric, at both ends of every assumption.

    One assumption at a time, the others as they are. An arm that says otherwise keeps its own.
    """
    rows = []
    for key, knob in KNOBS.items():
        for value in knob.sweep or ():
            done = run(
                scenario.with_told({key: value}), policies, seed=seed, replications=replications,
                workers=workers, half_width=None, progress=lambda _: None,
            )  # fmt: skip
            results = [each.metrics for each in done]
            usual = np.array([each[scenario.against][scenario.metric] for each in results])
            rows += [
                {
                    "key": key,
                    "value": value,
                    "arm": row.arm,
                    "share": rate(row.difference, abs(float(usual.mean()))),
                    "difference": row.difference,
                    "low": row.low,
                    "high": row.high,
                }
                for row in compare(results, against=scenario.against)
                if row.metric == scenario.metric
            ]
            progress()
    return rows


def swept() -> int:
    """Return how many times a sweep runs the scenario."""
    return sum(len(knob.sweep or ()) for knob in KNOBS.values())


def _some(
    scenario: Scenario,
    policies: Mapping[str, FeedPolicy],
    *,
    seed: int,
    numbers: range,
    workers: int,
) -> Iterator[Replication]:
    if workers <= 1:
        for number in numbers:
            yield replicate(scenario, policies, seed=seed, number=number)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=django.setup) as pool:
        waiting: set[Future[Replication]] = {
            pool.submit(replicate, scenario, policies, seed=seed, number=number)
            for number in numbers
        }
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for each in finished:
                yield each.result()
