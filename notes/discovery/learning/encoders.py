"""What turns the texts of notes into vectors of ``DIMENSIONS`` numbers, of length one.

The default needs nothing but the notes themselves. Who has a model server names another kind in
``TEXT_ENCODER``: any class with the methods of ``Encoder``.
"""

import io
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Protocol, Self
from urllib.request import Request, urlopen
from zlib import crc32

import numpy as np
from scipy import sparse

from notes.discovery.ranking.arrays import Singles
from notes.discovery.search.text import fold, is_cjk, tokenise, words
from notes.models import DIMENSIONS

#: Terms and pieces of words share so many places.
BUCKETS: Final = 1 << 15
#: A word of letters is also its pieces of so many.
PIECE: Final = 4
#: The product of a random start and so many turns finds the greatest directions.
TURNS: Final = 3
SEED: Final = 2_011


class Encoder(Protocol):
    """Something that tells what texts are about."""

    def encode(self, texts: Sequence[str]) -> Singles:
        """Return float32[n, DIMENSIONS], each of length one, or zero where nothing is known."""

    def fitted(self) -> bytes:
        """Return what must be kept so that another process encodes alike."""


class HashedEncoder:
    """Words and pieces of words, hashed, weighed by how rare they are, and projected.

    The projection is the truncated singular value decomposition of the texts it was fitted to
    (latent semantic analysis, Deerwester et al. 1990), found by the randomised method of Halko,
    Martinsson and Tropp, SIAM Review 2011.
    """

    def __init__(self, rarity: Singles, projection: Singles) -> None:
        self._rarity, self._projection = rarity, projection

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Self:
        """Learn from texts which words go together.

        Raises:
            ValueError: there is no text.
        """
        if not texts:
            raise ValueError("there is no text to fit to")
        counts = _counted(texts)
        documents = np.asarray((counts > 0).sum(axis=0)).ravel()
        rarity = (np.log((1.0 + len(texts)) / (1.0 + documents)) + 1.0).astype(np.float32)
        return cls(rarity, _directions(_weighed(counts, rarity)))

    @classmethod
    def read(cls, fitted: bytes) -> Self:
        """Return the encoder that ``fitted`` described."""
        with np.load(io.BytesIO(fitted)) as kept:
            return cls(kept["rarity"], kept["projection"].astype(np.float32))

    def fitted(self) -> bytes:
        """Return rarity and projection, the latter in half precision."""
        there = io.BytesIO()
        half = self._projection.astype(np.float16)
        np.savez_compressed(there, rarity=self._rarity, projection=half)
        return there.getvalue()

    def encode(self, texts: Sequence[str]) -> Singles:
        """Return float32[n, DIMENSIONS], each of length one, or zero for a text of no words."""
        weighed = _weighed(_counted(texts), self._rarity)
        return _of_length_one(np.asarray(weighed @ self._projection, dtype=np.float32))


class ServedEncoder:
    """Vectors from a model server that speaks as OpenAI's does (``POST {url}/embeddings``)."""

    def __init__(self, *, url: str, model: str, key: str = "", timeout: float = 30.0) -> None:
        self._url, self._model, self._key, self._timeout = url, model, key, timeout

    def fitted(self) -> bytes:
        """Nothing is fitted here."""
        return b""

    def encode(self, texts: Sequence[str]) -> Singles:
        """Ask the server for vectors of ``DIMENSIONS`` numbers.

        Raises:
            OSError: the server cannot be reached, or refuses.
            ValueError: it answers with something else.
        """
        asked = {"model": self._model, "input": list(texts), "dimensions": DIMENSIONS}
        request = Request(  # noqa: S310 - the address is a setting of the deployment
            f"{self._url.rstrip('/')}/embeddings",
            data=json.dumps(asked).encode(),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {self._key}"} if self._key else {}),
            },
        )
        with urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - as above
            told = json.load(answer)
        rows = sorted(told["data"], key=lambda row: row["index"])
        vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
        if vectors.shape != (len(texts), DIMENSIONS):
            raise ValueError(f"the model server sent {vectors.shape}")
        return _of_length_one(vectors)


def _counted(texts: Sequence[str]) -> Any:
    """Return sparse[n, BUCKETS]: how often each text has each term, damped."""
    places: list[int] = []
    numbers: list[float] = []
    ends = [0]
    for text in texts:
        counts = Counter(crc32(piece.encode()) % BUCKETS for piece in _pieces(text))
        places += counts.keys()
        numbers += counts.values()
        ends.append(len(places))
    damped = 1.0 + np.log(np.array(numbers, dtype=np.float32))
    return sparse.csr_array((damped, places, ends), shape=(len(texts), BUCKETS))


def _pieces(text: str) -> list[str]:
    """Return the terms that search knows, and the pieces of longer words."""
    pieces = tokenise(text)
    for word in words(fold(text)):
        if len(word) > PIECE and not is_cjk(word):
            around = f"<{word}>"
            pieces += [around[at : at + PIECE] for at in range(len(around) - PIECE + 1)]
    return pieces


def _weighed(counts: Any, rarity: Singles) -> Any:
    """Return the counts times the rarity of each term, rows of length one."""
    weights = counts.data * rarity[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    length = np.sqrt(np.bincount(rows, weights=weights**2, minlength=counts.shape[0]))
    told = (weights / np.maximum(length, 1e-12)[rows]).astype(np.float32)
    return sparse.csr_array((told, counts.indices, counts.indptr), shape=counts.shape)


def _directions(weighed: Any) -> Singles:
    """Return float32[BUCKETS, DIMENSIONS]: the greatest right singular vectors, zeros after."""
    width = min(DIMENSIONS + 10, *weighed.shape)
    start = np.random.default_rng(SEED).normal(size=(weighed.shape[0], width))
    basis = np.linalg.qr(weighed.T @ start)[0]
    for _ in range(TURNS):
        basis = np.linalg.qr(weighed.T @ np.linalg.qr(weighed @ basis)[0])[0]
    _, sizes, turned = np.linalg.svd(weighed @ basis, full_matrices=False)
    found = basis @ turned.T
    kept = np.zeros((weighed.shape[1], DIMENSIONS), dtype=np.float32)
    rank = min(DIMENSIONS, int((sizes > 1e-6).sum()))
    kept[:, :rank] = found[:, :rank]
    return kept


def _of_length_one(vectors: Singles) -> Singles:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-9), 0.0).astype(np.float32)
