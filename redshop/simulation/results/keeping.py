"""Replications as texts, so that another process goes on where one ended."""

import json
from dataclasses import asdict
from typing import Any

from redshop.simulation.arrays.replication import Replication
from redshop.simulation.measured import Measured


def text_of(replication: Replication) -> str:
    """Return all that a replication came to; floats come back as they were, NaN too."""
    return json.dumps(asdict(replication), ensure_ascii=False)


def replication_of(text: str) -> Replication:
    """Return the replication that ``text_of`` wrote."""
    said: dict[str, Any] = json.loads(text)
    return Replication(**{**said, "calibration": [Measured(*row) for row in said["calibration"]]})
