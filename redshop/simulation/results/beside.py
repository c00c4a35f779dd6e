"""What several comparisons came to, metric by metric."""

from collections.abc import Mapping
from typing import Any, Final

MOST_BESIDE: Final = 6


def beside(documents: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a table: a column an arm of a comparison, a row a metric.

    A cell holds the arm's mean and, but for the arm that others are compared with, its difference.

    Args:
        documents: of each comparison, by its id (``results.document``).
    """
    columns = [(told, arm) for told in documents.values() for arm in told["arms"]]
    metrics = dict(item for told in documents.values() for item in told["metrics"].items())
    return {
        "groups": [
            {"pk": pk, "told": told, "columns": len(told["arms"])} for pk, told in documents.items()
        ],
        "arms": [arm for _, arm in columns],
        "rows": [
            {
                "metric": name,
                "words": words,
                "cells": [_cell(told, arm, name) for told, arm in columns],
            }
            for name, words in metrics.items()
        ],
    }


def _cell(told: Mapping[str, Any], arm: str, metric: str) -> dict[str, Any]:
    found = told["arms"][arm].get(metric)
    differences = (row for row in told["paired"] if row["arm"] == arm and row["metric"] == metric)
    difference = next(differences, None)
    return {
        "interval": found,
        "is_main": metric == told["metric"],
        "difference": difference,
        "is_clear": difference is not None
        and difference["low"] is not None
        and (difference["low"] > 0 or difference["high"] < 0),
    }
