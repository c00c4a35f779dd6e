"""How far the differences between arms depend on what is assumed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from redshop.simulation.arrays.replication import Replication
from redshop.simulation.measured import rate
from redshop.simulation.results.statistics import compare
from redshop.simulation.scenario import Scenario


def sweep_rows(
    scenario: Scenario, ends: Mapping[tuple[str, float], Sequence[Replication]]
) -> Iterator[dict[str, Any]]:
    """Yield what each arm differs by, in the scenario's metric, at both ends of every assumption.

    One assumption at a time, the others as they are. An arm that says otherwise keeps its own.

    Args:
        ends: the replications in which an assumption, by its key, was another value.
    """
    for (key, value), done in ends.items():
        results = [each.metrics for each in done]
        usual = np.array([each[scenario.against][scenario.metric] for each in results])
        for row in compare(results, against=scenario.against):
            if row.metric == scenario.metric:
                yield {
                    "key": key,
                    "value": value,
                    "arm": row.arm,
                    "share": rate(row.difference, abs(float(usual.mean()))),
                    "difference": row.difference,
                    "low": row.low,
                    "high": row.high,
                }
