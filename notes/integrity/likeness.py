"""How alike texts and pictures are, from short fingerprints that an index can find.

Texts: MinHash over shingles of characters (A. Broder, On the resemblance and containment of
documents, 1997), whose share of equal values estimates the Jaccard similarity, found by bands of
them (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3). Pictures: the signs of
differences between neighbours of a 9 by 8 thumbnail (dHash), compared by Hamming distance.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from notes.integrity.rules import plain

#: Characters of a shingle; values of a signature; how many make a band. A pair of similarity s
#: shares a band with chance 1 - (1 - s^4)^16: 0.9998 at 0.8, 0.10 at 0.28.
SHINGLE: Final = 5
VALUES: Final = 64
ROWS: Final = 4
BANDS: Final = VALUES // ROWS
#: Shorter texts say too little to be copies.
LEAST_CHARACTERS: Final = 40
#: So many of a picture's 64 signs may differ.
MOST_BITS: Final = 3

#: One random order of all shingles for each value.
_SEEDS: Final = np.random.Generator(np.random.PCG64(0x1D3A)).integers(
    0, 1 << 63, VALUES, dtype=np.uint64
)


def signature(text: str) -> NDArray[np.uint64] | None:
    """Return uint64[64], the MinHash of a text; None where it is too short to say anything."""
    said = " ".join(plain(text).split())
    if len(said) < LEAST_CHARACTERS:
        return None
    shingles = {said[start : start + SHINGLE] for start in range(len(said) - SHINGLE + 1)}
    hashes = np.array([_hash(each) for each in sorted(shingles)], dtype=np.uint64)
    least: NDArray[np.uint64] = _mixed(hashes[:, None] ^ _SEEDS).min(axis=0)
    return least >> np.uint64(1)  # a bigint of the database has a sign


def bands(values: NDArray[np.uint64]) -> list[int]:
    """Return int32[16]: texts that are much alike have one of these in common."""
    return [
        int.from_bytes(
            hashlib.blake2b(
                bytes([band]) + values[band * ROWS : (band + 1) * ROWS].tobytes(), digest_size=4
            ).digest(),
            signed=True,
        )
        for band in range(BANDS)
    ]


def similarity(one: Sequence[int], other: Sequence[int]) -> float:
    """Estimate the Jaccard similarity of two texts, 0 to 1, from their signatures."""
    same: float = np.mean(np.asarray(one) == np.asarray(other)).item()
    return same


def picture_bands(value: int) -> list[int]:
    """Return four numbers of which pictures that differ in at most three signs share one."""
    signs = (value % (1 << 64)).to_bytes(8)
    return [(part << 16) | int.from_bytes(signs[2 * part : 2 * part + 2]) for part in range(4)]


def distance(one: int, other: int) -> int:
    """Return in how many signs two pictures differ."""
    return ((one ^ other) % (1 << 64)).bit_count()


def _hash(shingle: str) -> int:
    return int.from_bytes(hashlib.blake2b(shingle.encode(), digest_size=8).digest())


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix 64 bits so that each depends on all, as SplitMix64 does (Steele, Lea, Flood, 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
