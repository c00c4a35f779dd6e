"""How much a term tells about a text: BM25 over weighted fields, as pure functions.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), section
3.6 (BM25F): occurrences are normalised by the length of their field, weighted, summed over the
fields and only then saturated. That part of a score, the impact, depends on the text alone and is
computed when it is indexed (Anh, de Kretser and Moffat, "Vector-Space Ranking with Effective Early
Termination", SIGIR 2001); how rare the term is, is known when it is looked up.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: The largest impact, as it is kept: whole numbers of 16 bits.
LARGEST: Final = 65_535


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a text: its weight, and the length that is neither rewarded nor punished."""

    weight: float
    typical: float


@dataclass(frozen=True, slots=True)
class Shape:
    """What texts of a kind are made of, and how repetition and length count.

    Attributes:
        fields: in the order in which they are given.
        k1: how soon repetitions stop counting.
        b: how much length counts, 0 to 1.
    """

    fields: tuple[Field, ...]
    k1: float
    b: float


def impacts(
    texts: Sequence[Sequence[str]], *, lengths: Sequence[float], shape: Shape
) -> dict[str, int]:
    """Return each term's impact, 1 to 65,535: what BM25F gives it before its rarity.

    Args:
        texts: the terms of each field, with repetitions.
        lengths: of each field, in the unit of the shape's typical ones.
        shape: the fields, and the constants of the formula.
    """
    weighted: dict[str, float] = {}
    for tokens, length, field in zip(texts, lengths, shape.fields, strict=True):
        norm = 1.0 - shape.b + shape.b * length / field.typical
        for term, times in Counter(tokens).items():
            weighted[term] = weighted.get(term, 0.0) + times * field.weight / norm
    return {
        term: max(round(LARGEST * total / (total + shape.k1)), 1)
        for term, total in weighted.items()
    }


def inverse_document_frequency(*, containing: Floats, documents: int) -> Floats:
    """Return how telling each term is: ln(1 + (N - n + 0.5) / (n + 0.5)), never negative.

    Args:
        containing: float64[terms], in how many documents each term occurs.
        documents: how many there are; fewer than ``containing`` is taken as ``containing``.
    """
    total = np.maximum(float(documents), containing)
    return np.asarray(np.log1p((total - containing + 0.5) / (containing + 0.5)))
