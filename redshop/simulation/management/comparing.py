"""Running a scenario in memory from the command line, and telling what it came to."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import CommandError, OutputWrapper
from django.utils import timezone
from tqdm import tqdm

from notes.discovery import choosing
from notes.discovery.policies import FeedPolicy
from redshop.core.errors import NotFound
from redshop.simulation.results import running
from redshop.simulation.results.document import document
from redshop.simulation.results.page import page
from redshop.simulation.scenario import Scenario
from redshop.simulation.services import comparisons

#: Replications of a scenario that compares arms, and of one that does not, unless told otherwise.
COMPARED, ALONE = 8, 3
#: Metrics that are told on a terminal.
TOLD: Final = (
    "open_rate", "engagement_rate", "orders", "net_sales", "sales_of_notes", "sales_anyway",
    "brand_net_sales", "platform_revenue", "small_share",
)  # fmt: skip


def compare(
    out: OutputWrapper,
    scenario: Scenario,
    *,
    seed: int,
    replications: int | None,
    workers: int,
    half_width: float | None,
    sweep: int,
    json_file: Path | None,
    html_file: Path | None,
    keep: bool,
) -> None:
    """Run the replications of a scenario; tell, keep and write what they came to."""
    call_command("migrate", verbosity=0)  # policies are rows
    count = replications or (COMPARED if len(scenario.arms) > 1 else ALONE)
    policies = _policies(scenario)
    told = scenario.settings()
    out.write(
        f"{scenario.name}, version {scenario.version}: {scenario.question}\n"
        f"{told.whole('population.people'):,} people in memory, {told.whole('population.days')} "
        f"days, arms {', '.join(scenario.arms)}; seed {seed}\n{scenario.declaration}"
    )
    with _bar(count) as progress:
        done = running.run(
            scenario,
            policies,
            seed=seed,
            replications=count,
            workers=workers,
            half_width=half_width,
            progress=lambda _: progress.update(),
        )
    found = document(
        scenario, done, seed=seed, sweep=_swept(scenario, policies, seed, sweep, workers)
    )
    _tell(out, found)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
        out.write(f"The document: {json_file}")
    if html_file is not None:
        html_file.write_text(page(found), "utf-8")
        out.write(f"The page: {html_file}")
    if keep:
        kept = comparisons.keep(document=found, at=timezone.now())
        out.write(f"Kept as comparison {kept.pk}; the admin shows it among the numbers.")


def _policies(scenario: Scenario) -> dict[str, FeedPolicy]:
    labels = {scenario.settings(arm).text("discovery.policy") for arm in scenario.arms}
    found = {}
    for label in sorted(labels):
        try:
            found[label] = choosing.named(label)
        except NotFound as error:
            raise CommandError(f"there is no ranking policy {label}") from error
        if found[label].is_learned:
            raise CommandError(f"{label} needs a learned model, which a world in memory has not")
    return found


def _swept(
    scenario: Scenario, policies: Mapping[str, FeedPolicy], seed: int, count: int, workers: int
) -> list[dict[str, Any]]:
    if not count or len(scenario.arms) < 2:
        return []
    with _bar(running.swept(), unit=" ends of assumptions") as progress:
        return running.sweep(
            scenario,
            policies,
            seed=seed,
            replications=count,
            workers=workers,
            progress=progress.update,
        )


@contextmanager
def _bar(count: int, unit: str = " replications") -> Iterator[Any]:
    with tqdm(total=count, unit=unit, disable=not sys.stderr.isatty()) as bar:
        yield bar


def _tell(out: OutputWrapper, found: Mapping[str, Any]) -> None:
    """Write the main figures of a document."""
    arms = found["arms"]
    out.write(f"\n{found['replications']} replications; means, all of them simulated")
    out.write("  " + "".join(f"{name:>20}" for name in ("", *arms)))
    chosen = dict.fromkeys([found["metric"], *TOLD])
    for metric in chosen:
        cells = "".join(f"{_number(arm[metric]['mean']):>20}" for arm in arms.values())
        out.write(f"  {metric:<20}{cells}")
    rows = [row for row in found["paired"] if row["metric"] in chosen]
    if rows:
        out.write(f"\nDifferences from {found['against']}, 95 %; variance: times that of apart")
    for row in rows:
        out.write(
            f"  {row['metric']:<20}{row['arm']:<16}{_number(row['difference']):>12}"
            f"{_number(row['low']):>12}{_number(row['high']):>12}"
            f"{_number(row['variance_ratio']):>10}"
        )
    out.write("\nThe truth: sales that would have been anyway, and that notes brought")
    for arm, row in found["truth"].items():
        out.write(
            f"  {arm:<20}{_number(row['share_anyway']['mean']):>10}"
            f"{_number(row['share_of_notes']['mean']):>10}"
        )
    out.write("\nAttribution, judged: bias, rank correlation, misplaced, for sales anyway")
    for row in found["attribution"]:
        out.write(
            f"  {row['arm']:<20}{row['model']:<14}{row['window_days']:>3} days"
            + "".join(
                f"{_number(row[name]):>10}"
                for name in ("bias", "rank_correlation", "misplaced", "anyway")
            )
        )
    outside = [row for row in found["calibration"] if row["inside"] is False]
    judged = [row for row in found["calibration"] if row["inside"] is not None]
    out.write(f"\nCalibration: {len(judged) - len(outside)} of {len(judged)} inside their ranges")
    for row in outside:
        out.write(f"  outside: {row['key']} {_number(row['value'])}, range {row['range']}")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
