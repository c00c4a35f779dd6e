"""Random numbers that belong to a purpose, a day and a person, and to nothing else.

Counter-based (Philox 4x64, Salmon et al. 2011): the key is (seed, purpose), the counter's upper
half (day, person). A draw therefore never depends on what was drawn for anyone else before it.
"""

from functools import cache
from hashlib import blake2b
from typing import Final

import numpy as np

#: Stands for "no particular person" or "before the first day" in a stream's name.
NOBODY: Final = 2**32 - 1
BEFORE: Final = 2**32 - 1


@cache
def _number(purpose: str) -> int:
    return int.from_bytes(blake2b(purpose.encode(), digest_size=8).digest(), "big")


def stream(
    *, seed: int, purpose: str, day: int = BEFORE, person: int = NOBODY
) -> np.random.Generator:
    """Return the generator of one purpose, day (0 is the first) and person (their index)."""
    key = np.array([seed, _number(purpose)], dtype=np.uint64)
    counter = np.array([0, 0, day, person], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
