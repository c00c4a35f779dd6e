"""How well texts match a query: BM25 over weighted fields, as a pure function.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), section
3.6 (BM25F): occurrences are normalised by the length of their field, weighted, summed over the
fields and only then saturated.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def inverse_document_frequency(*, containing: Floats, documents: int) -> Floats:
    """Return how telling each term is: ln(1 + (N - n + 0.5) / (n + 0.5)), never negative.

    Args:
        containing: float64[terms], in how many documents each term occurs.
        documents: how many there are; fewer than ``containing`` is taken as ``containing``.
    """
    total = np.maximum(float(documents), containing)
    return np.asarray(np.log1p((total - containing + 0.5) / (containing + 0.5)))


def bm25f(
    *,
    occurrences: Floats,
    lengths: Floats,
    typical_lengths: Floats,
    field_weights: Floats,
    rarity: Floats,
    k1: float,
    b: float,
) -> Floats:
    """Return each term's contribution to each document's score, float64[documents, terms].

    Args:
        occurrences: float64[documents, fields, terms], how often a term occurs in a field.
        lengths: float64[documents, fields], words in a field.
        typical_lengths: float64[fields], the length that is neither rewarded nor punished.
        field_weights: float64[fields].
        rarity: float64[terms], as by ``inverse_document_frequency``.
        k1: how soon repetitions stop counting.
        b: how much length counts, 0 to 1.
    """
    norms = 1.0 - b + b * lengths / typical_lengths
    weighted = occurrences * (field_weights / norms)[:, :, None]
    total = weighted.sum(axis=1)
    return np.asarray(rarity * total * (k1 + 1.0) / (total + k1))
