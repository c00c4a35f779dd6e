"""State folders whose PostgreSQL has its tables already, so that a system is up in seconds.

``manage.py up`` makes everything from nothing where there is nothing, which tests/config/test_up.py
sees to; the migrations alone take as long as all the rest of a start.
"""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent


def with_tables(state: Path) -> Path:
    """Give a state folder a PostgreSQL of its own that is migrated and empty; return the folder."""
    # cp keeps the owner, who is not the one that runs the tests where root does
    subprocess.run(["cp", "-a", _migrated() / "postgres", state / "postgres"], check=True)
    compiled = Path(settings.STATE_DIR) / "compiled"  # takes most of a minute to be made
    compiled.mkdir(parents=True, exist_ok=True)
    (state / "compiled").symlink_to(compiled)
    return state


@functools.cache
def _migrated() -> Path:
    """Migrate a PostgreSQL once for the whole run, and stop it; return its state folder."""
    state = Path(tempfile.mkdtemp(prefix="redshop-tables-"))
    atexit.register(shutil.rmtree, state, ignore_errors=True)
    inherited = {name: value for name, value in os.environ.items() if "_URL" not in name}
    subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=ROOT,
        env={
            **inherited,
            "REDSHOP_STATE_DIR": str(state),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
        },
        check=True,
        capture_output=True,
    )
    return state
