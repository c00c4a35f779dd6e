"""Processes as the operating system sees them: how they die together and how they are ended."""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import psutil

_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(how: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when its parent dies (Linux; else nothing)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)


def dying_with_parent(how: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return a ``preexec_fn`` that ties the new process to the one that starts it."""
    parent = os.getpid()

    def tie() -> None:
        die_with_parent(how)
        if os.getppid() != parent:  # the parent died before the kernel knew
            os._exit(1)

    return tie


def tie_to_parent() -> None:
    """End with the process that started this one, if it asked for that in REDSHOP_PARENT.

    Called by every process of a role as it begins; what it starts is tied to it in turn.
    """
    expected = os.environ.get("REDSHOP_PARENT")
    if expected is None:
        return
    die_with_parent()
    if os.getppid() != int(expected):
        os._exit(1)
    os.environ["REDSHOP_PARENT"] = str(os.getpid())


def processes_in(folder: Path, *, named: str) -> list[psutil.Process]:
    """Return the live processes whose name starts so and whose working folder is this one."""
    found = []
    for process in psutil.process_iter(["name", "cwd"]):
        name, cwd = process.info["name"] or "", process.info["cwd"] or ""
        if name.startswith(named) and cwd == str(folder):
            found.append(process)
    return found


def end(
    processes: Iterable[psutil.Process], *, how: signal.Signals, patience_seconds: float
) -> None:
    """Signal the processes, wait, and kill those that are still there; return when all are gone."""
    processes = list(processes)
    for process in processes:
        _signal(process, how)
    _, alive = psutil.wait_procs(processes, timeout=patience_seconds)
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=5)


def _signal(process: psutil.Process, how: signal.Signals) -> None:
    try:
        process.send_signal(how)
    except psutil.NoSuchProcess:
        return


def kill_group(group: int) -> None:
    """Kill whatever is left of a process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nobody is left (macOS says the latter)
        return


def group_of(leader: int) -> list[psutil.Process]:
    """Return the live processes of a group that this leader began."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == leader:
                found.append(process)
    return found


def is_stopped(leader: int) -> bool:
    """Tell whether any process of a group was suspended (SIGSTOP)."""
    for process in group_of(leader):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_STOPPED:
                return True
    return False


def is_same_file(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is still the one that lies at this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.02) -> bool:
    """Tell whether the condition came true within so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(pause)
    return True
