"""The document of a scenario as one self-contained page: charts, tables, what is assumed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.template.loader import render_to_string

#: Width of a chart's plot, in units of its drawing, and of the space beside zero.
WIDTH, MARGIN = 420.0, 0.06
#: Metrics whose differences are drawn.
DRAWN: Final = (
    "open_rate", "engagement_rate", "orders", "net_sales", "sales_of_notes", "brand_net_sales",
    "platform_revenue", "small_share", "exposure_gini",
)  # fmt: skip


def page(document: Mapping[str, Any]) -> str:
    """Return the page, without anything that is elsewhere."""
    return render_to_string(
        "simulation/report.html",
        {
            "document": document,
            "words": document["metrics"][document["metric"]],
            "arms": list(_arms(document)),
            "differences": list(_differences(document)),
            "attribution": list(_attribution(document)),
            "sweep": list(_sweep(document)),
            "outside": [row for row in document["calibration"] if row["inside"] is False],
        },
    )


def in_words(document: Mapping[str, Any]) -> str:
    """Return, a line an arm, by how much it differs in what decides, with its interval."""
    metric, usual = document["metric"], document["arms"][document["against"]]
    rows = [row for row in document["paired"] if row["metric"] == metric]
    told = (_relative(row, usual[metric]["mean"]) for row in rows if usual[metric]["mean"])
    return "\n".join(
        f"{metric} of {row['arm']} {row['difference']:+.1f} % beside {document['against']}"
        f" ({row['low']:+.1f} to {row['high']:+.1f})"
        for row in told
        if row is not None
    )


def _arms(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row a metric, with a cell an arm."""
    for metric, words in document["metrics"].items():
        yield {
            "metric": metric,
            "words": words,
            "is_main": metric == document["metric"],
            "cells": [arm[metric] for arm in document["arms"].values()],
        }


def _differences(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the chart of each metric: the difference of each arm in percent, with its interval."""
    usual = document["arms"][document["against"]]
    chosen = dict.fromkeys([document["metric"], *DRAWN])
    for metric in chosen:
        rows = [row for row in document["paired"] if row["metric"] == metric]
        mean = usual[metric]["mean"] if rows else None
        told = [_relative(row, mean) for row in rows] if mean else []
        drawn = [row for row in told if row is not None]
        if not drawn:
            continue
        reach = max(max(abs(row["low"]), abs(row["high"])) for row in drawn) * (1 + MARGIN) or 1.0
        yield {
            "metric": metric,
            "words": document["metrics"][metric],
            "reach": reach,
            "height": 26 * len(drawn) + 8,
            "rows": [_placed(row, place, reach) for place, row in enumerate(drawn)],
        }


def _relative(row: Mapping[str, Any], mean: float) -> dict[str, Any] | None:
    """Return a difference as percents of what it is compared to; None without an interval."""
    if row["difference"] is None or row["low"] is None:
        return None
    scale = 100.0 / abs(mean)
    return {
        "arm": row["arm"],
        "difference": row["difference"] * scale,
        "low": row["low"] * scale,
        "high": row["high"] * scale,
        "is_clear": row["low"] > 0 or row["high"] < 0,
        "variance_ratio": row["variance_ratio"],
        "p_holm": row["p_holm"],
    }


def _placed(row: dict[str, Any], place: int, reach: float) -> dict[str, Any]:
    def x(value: float) -> str:
        return f"{WIDTH / 2 * (1 + value / reach):.1f}"

    return {
        **row,
        "y": 17 + 26 * place,
        "text_y": 21 + 26 * place,
        "x": x(row["difference"]),
        "x_low": x(row["low"]),
        "x_high": x(row["high"]),
    }


def _sweep(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row an assumption and arm: the difference at either end, widest apart first.

    ``turns`` says that what one end finds beyond doubt, the other finds the other way round.
    """
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in document.get("sweep", ()):
        found.setdefault((row["key"], row["arm"]), []).append(row)
    rows = []
    for (key, arm), ends in found.items():
        if len(ends) != 2 or any(end["share"] is None for end in ends):
            continue
        sides = {1 if end["low"] > 0 else -1 for end in ends if _is_clear(end)}
        rows.append(
            {
                "key": key,
                "arm": arm,
                "ends": [{**end, "percent": 100 * end["share"]} for end in ends],
                "apart": abs(ends[0]["share"] - ends[1]["share"]),
                "turns": len(sides) > 1,
            }
        )
    yield from sorted(rows, key=lambda row: (-row["apart"], row["key"], row["arm"]))


def _is_clear(row: Mapping[str, Any]) -> bool:
    return row["low"] is not None and (row["low"] > 0 or row["high"] < 0)


def _attribution(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield, for each arm and window, the models side by side, the best of each measure marked."""
    groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in document["attribution"]:
        groups.setdefault((row["arm"], row["window_days"]), []).append(row)
    for (arm, days), rows in groups.items():
        yield {"arm": arm, "window_days": days, "rows": rows, "best": _best(rows)}


def _best(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the model that misplaces least."""
    there = [row for row in rows if row["misplaced"] is not None]
    return min(there, key=lambda row: row["misplaced"])["model"] if there else ""
