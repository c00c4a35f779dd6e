"""The real data sets, which are not ours and not in the repository."""

import os
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = Path(os.environ.get("REDSHOP_REAL_DATA") or ROOT.parent / "shared" / "data")


def real(name: str) -> Path:
    """Return a file of the real data sets; where it is absent, the test says so and is skipped."""
    if not (FOLDER / name).exists():
        pytest.skip(f"{name} is not in {FOLDER} (REDSHOP_REAL_DATA)")
    return FOLDER / name
