"""All that is known of a scenario after its replications, as one JSON document."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from redshop.simulation.arrays.replication import Replication
from redshop.simulation.calibration import figures
from redshop.simulation.knobs import KNOBS
from redshop.simulation.measured import Measured, check
from redshop.simulation.metrics import METRICS
from redshop.simulation.results.statistics import compare, every_pair, interval
from redshop.simulation.scenario import Scenario


def document(
    scenario: Scenario,
    replications: Sequence[Replication],
    *,
    seed: int,
    sweep: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the document: arms, paired differences, calibration, truth, attribution, assumptions,
    and how far the differences depend on these, where that was swept.

    Nothing in it depends on how the replications were spread over processes.
    """
    ordered = sorted(replications, key=lambda each: each.number)
    results = [each.metrics for each in ordered]
    found: dict[str, Any] = _plain(
        {
            "scenario": scenario.name,
            "question": scenario.question,
            "version": scenario.version,
            "seed": seed,
            "digest": scenario.digest,
            "replications": len(ordered),
            "people": scenario.settings().whole("population.people"),
            "days": scenario.settings().whole("population.days"),
            "against": scenario.against,
            "metric": scenario.metric,
            "metrics": METRICS,
            "arms": {
                arm: {
                    metric: asdict(interval(np.array([each[arm][metric] for each in results])))
                    for metric in METRICS
                }
                for arm in scenario.arms
            },
            "paired": [asdict(row) for row in compare(results, against=scenario.against)],
            "pairs": [asdict(row) for row in every_pair(results, metric=scenario.metric)],
            "calibration": list(_calibration(ordered)),
            "truth": _truth(ordered),
            "attribution": list(_attribution(ordered)),
            "assumptions": list(_assumptions(scenario)),
            "sweep": [dict(row) for row in sweep],
        }
    )
    return found


def _calibration(replications: Sequence[Replication]) -> Iterable[dict[str, Any]]:
    """Yield each figure beside the mean of what replications made of it."""
    values: dict[tuple[str, str], list[float]] = {}
    kept: dict[tuple[str, str], Measured] = {}
    for each in replications:
        for row in each.calibration:
            key = (row.key, row.part)
            kept[key] = row
            if row.value is not None and not math.isnan(row.value):
                values.setdefault(key, []).append(row.value)
    known = figures()
    for target in known.values():
        for part in target.parts:
            if (target.key, part) not in kept:
                continue
            row = kept[target.key, part]
            found = values.get((target.key, part))
            mean = sum(found) / len(found) if found else None
            told = check(target, row._replace(value=mean))
            yield {
                "key": told.name,
                "kind": target.kind,
                "grade": target.grade,
                "source": target.source,
                "target": told.target,
                "range": target.bounds.get(part),
                "value": told.simulated,
                "inside": told.is_inside,
                "remark": told.remark,
            }


def _truth(replications: Sequence[Replication]) -> dict[str, Any]:
    first = replications[0].truth
    return {
        arm: {
            name: asdict(interval(np.array([each.truth[arm][name] for each in replications])))
            if name != "largest_gap"
            else max(each.truth[arm][name] for each in replications)
            for name in told
        }
        for arm, told in first.items()
    }


def _attribution(replications: Sequence[Replication]) -> Iterable[dict[str, Any]]:
    found: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for each in replications:
        for arm, rows in each.attribution.items():
            for row in rows:
                found.setdefault((arm, row["model"], row["window_days"]), []).append(row)
    for (arm, model, days), rows in found.items():
        yield {
            "arm": arm,
            "model": model,
            "window_days": days,
            **{
                name: interval(np.array([row[name] for row in rows])).mean
                for name in ("bias", "rank_correlation", "misplaced", "anyway")
            },
        }


def _assumptions(scenario: Scenario) -> Iterable[dict[str, Any]]:
    """Yield every number that nobody measured of such a platform, as this scenario has it."""
    told = scenario.settings(scenario.against)
    for key, knob in KNOBS.items():
        if knob.kind in {"assumed", "borrowed"}:
            yield {
                "key": key,
                "value": told.values[key],
                "kind": knob.kind,
                "words": knob.words,
                "source": knob.source,
                "sweep": knob.sweep,
            }


def _plain(value: Any) -> Any:
    """Return it as JSON can say it: what is not a number is null."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
