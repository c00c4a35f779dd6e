"""How a role says that it is ready and still moving: it touches the file that its starter named."""

import os
import time
from pathlib import Path


def give() -> None:
    """Touch this process's heartbeat file, where somebody asked for one."""
    if path := os.environ.get("REDSHOP_HEARTBEAT"):
        Path(path).touch()


def age_seconds(path: Path) -> float | None:
    """Return how long ago the heart beat; None if it never did."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None
