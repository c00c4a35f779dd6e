"""Simulators of one's own, for as long as a command takes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings

END_SECONDS: Final = 10.0


@contextmanager
def simulators(processes: int) -> Iterator[None]:
    """Start simulators beside those that are there already; end them afterwards.

    What they say goes into ``logs/simulators.log`` of the state folder. Without any processes
    nothing is started.
    """
    if not processes:
        yield
        return
    log = Path(settings.STATE_DIR) / "logs" / "simulators.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "DATABASE_URL": settings.DATABASE_URL,
        "REDIS_URL": settings.REDIS_URL,
        "BROKER_URL": settings.BROKER_URL,
        "REDSHOP_ROLE": "simulator",
        "REDSHOP_PARENT": str(os.getpid()),
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "simulator"]
    with log.open("ab") as said:
        process = subprocess.Popen(  # noqa: S603 - this project's own command
            [*command, f"--concurrency={processes}"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        yield
    finally:
        process.terminate()  # what is lived to its end meanwhile is kept
        try:
            process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
