"""Compiling what runs for millions of people, from the very functions that the live world calls.

Numba (Lam, Pitrou, Seibert 2015) compiles a function when it is first called and keeps the result
in the state folder, under a digest of the simulation's sources: what was compiled of others is
never used.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from django.conf import settings
from numba.extending import register_jitable

from redshop.simulation.behaviour.marking import MARKED
from redshop.simulation.sources import digest_of

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function, with all that is marked in ``behaviour``; it runs in threads, too."""
    _register_marked()
    return cast("F", numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def _register_marked() -> None:
    while MARKED:
        register_jitable(MARKED.pop())


def inlined(function: F) -> F:
    """Compile a small function into whatever calls it."""
    return register_jitable(inline="always")(function)


numba.config.CACHE_DIR = str(  # type: ignore[attr-defined]
    Path(settings.STATE_DIR) / "compiled" / digest_of(Path(__file__).parent)
)
