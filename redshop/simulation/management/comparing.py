"""Comparing the arms of a scenario from the command line, and telling what it came to."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, OutputWrapper
from django.utils import timezone
from tqdm import tqdm

from redshop.simulation import tasks
from redshop.simulation.management.simulators import simulators
from redshop.simulation.models import Comparison, ComparisonState
from redshop.simulation.results.page import page
from redshop.simulation.services import comparisons, replicates
from redshop.simulation.services.comparisons import Design
from redshop.simulation.services.logs import write_log

#: How often a command looks what others have lived.
LOOK_EVERY_SECONDS: Final = 0.3
#: Metrics that are told on a terminal.
TOLD: Final = (
    "open_rate", "engagement_rate", "orders", "net_sales", "sales_of_notes", "sales_anyway",
    "brand_net_sales", "platform_revenue", "small_share",
)  # fmt: skip


def compare(
    out: OutputWrapper,
    design: Design,
    *,
    workers: int,
    json_file: Path | None,
    html_file: Path | None,
    log_folder: Path | None,
    keep: bool,
) -> None:
    """See that the replications of a scenario are lived; tell and write what they came to."""
    begun = comparisons.begin(design, at=timezone.now())
    _announce(out, design, begun)
    _carry_out(begun, workers=workers)
    found = Comparison.objects.get(pk=begun.pk).document
    _tell(out, found)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
        out.write(f"The document: {json_file}")
    if html_file is not None:
        html_file.write_text(page(found), "utf-8")
        out.write(f"The page: {html_file}")
    if log_folder is not None:
        rows = write_log(design.scenario, seed=design.seed, folder=log_folder)
        told = ", ".join(f"{count:,} {name}" for name, count in rows.items())
        out.write(f"The log of {design.scenario.against}, first replication: {log_folder} ({told})")
    if keep:
        out.write(f"Kept as comparison {begun.pk}; the admin shows it among the numbers.")
    else:
        replicates.forget(comparison_id=begun.pk)


def _announce(out: OutputWrapper, design: Design, begun: Comparison) -> None:
    scenario = design.scenario
    out.write(
        f"{scenario.name}, version {scenario.version}: {scenario.question}\n"
        f"{begun.people:,} people in memory, {begun.days} days, arms {', '.join(scenario.arms)}; "
        f"seed {begun.seed}\n{scenario.declaration}"
    )
    if done := begun.replicates.exclude(done_at=None).count():
        out.write(f"Begun before: {done} replications are there already.")


def _carry_out(begun: Comparison, *, workers: int) -> None:
    """Live replications here, or have simulators do it, until there are enough of them.

    Raises:
        CommandError: the comparison failed, or somebody stopped it.
    """
    count = begun.planned if not begun.swept else begun.replicates.count()
    with (
        simulators(workers if workers > 1 else 0),
        tqdm(total=count, unit=" replications", disable=not sys.stderr.isatty()) as bar,
    ):
        while (now := Comparison.objects.get(pk=begun.pk)).state == ComparisonState.RUNNING:
            if workers > 1:
                tasks.ring()
            if workers > 1 or not replicates.live_next(comparison_id=begun.pk):
                time.sleep(LOOK_EVERY_SECONDS)
                replicates.advance(comparison_id=begun.pk)
            bar.update(begun.replicates.exclude(done_at=None).count() - bar.n)
    if now.state != ComparisonState.COMPLETE:
        raise CommandError(f"The comparison {now.get_state_display().lower()}. {now.trouble}")


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
    if len(pairs := found.get("pairs", [])) > 1:
        out.write(f"\nEvery arm beside every other in {found['metric']}, 95 %")
    for row in pairs if len(pairs) > 1 else ():
        out.write(
            f"  {row['arm'] + ' - ' + row['against']:<36}{_number(row['difference']):>12}"
            f"{_number(row['low']):>12}{_number(row['high']):>12}"
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
