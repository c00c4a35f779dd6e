"""How a role says that it is ready and still moving: it touches the file that its starter named."""

import os
from pathlib import Path


def give() -> None:
    """Touch this process's heartbeat file, where somebody asked for one."""
    if path := os.environ.get("REDSHOP_HEARTBEAT"):
        Path(path).touch()


def last(path: Path) -> int | None:
    """Return when the heart last beat, None if never.

    A number to compare with an earlier one, not with a clock: clocks are faked in tests.
    """
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
