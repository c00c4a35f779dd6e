"""Notes that the same people go to, learned from who went to which, as pure functions on arrays.

A linear autoencoder with a closed form: Steck, "Embarrassingly Shallow Autoencoders for Sparse
Data" (EASE, WWW 2019), with the penalty that grows with popularity which dropout amounts to (Steck,
"Autoencoders that don't Overfit towards the Identity", EDLAE, NeurIPS 2020), and people who went to
many notes counting less for each.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

#: Chosen on the views of RetailRocket (docs/discovery.md): a penalty for every
#: note, for each of its visits, and how much less each visit of somebody with many of them counts.
PENALTY, DROPOUT, DAMPING = 30.0, 0.3, 0.25
#: Of the places of a list each counts less than the one before (Järvelin and Kekäläinen 2002).
_DISCOUNTS: Final = 1.0 / np.log2(np.arange(2, 12))


@dataclass(frozen=True, slots=True)
class Visits:
    """Who went to which notes, each pair once.

    ``matrix`` is float32[people, notes] of ones, sparse; rows and columns are in the order of
    ``people`` and ``notes``.
    """

    people: Ints
    notes: Ints
    matrix: sparse.csr_matrix


def visits(people: Ints, notes: Ints) -> Visits:
    """Return the visits of pairs of a person and a note; a pair that is repeated counts once."""
    who, rows = np.unique(people, return_inverse=True)
    what, columns = np.unique(notes, return_inverse=True)
    matrix = sparse.csr_matrix(
        (np.ones(len(rows)), (rows, columns)), shape=(len(who), len(what)), dtype=np.float32
    )
    matrix.data[:] = 1.0  # pairs that were repeated were added up
    return Visits(who, what, matrix)


def item_weights(
    matrix: sparse.csr_matrix,
    *,
    penalty: float = PENALTY,
    dropout: float = DROPOUT,
    damping: float = DAMPING,
) -> Floats:
    """Return float32[notes, notes]: how much having gone to one speaks for each other.

    With G = X' X of the damped visits and P = (G + penalty I + dropout diag(G))^-1, the weights are
    -P[i, j] / P[j, j], zero for a note itself. Memory and time grow with the square and the cube of
    the notes: 8,700 take 0.3 GB and about 20 s on two cores.
    """
    many = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
    damped = sparse.diags(np.maximum(many, 1) ** np.float32(-damping / 2)) @ matrix
    gram = (damped.T @ damped).toarray().astype(np.float32)
    diagonal = np.diag_indices(len(gram))
    gram[diagonal] += penalty + dropout * gram[diagonal]
    inverse = linalg.inv(gram, overwrite_a=True, check_finite=False)
    weights: Floats = inverse / -inverse[diagonal]
    weights[diagonal] = 0.0
    return weights


def nearest(weights: Floats, *, limit: int) -> tuple[Ints, Floats]:
    """Return, for each note, those that it speaks for most: int64 and float32[notes, limit].

    Places and weights, best first; what speaks against has weight zero.
    """
    limit = min(limit, len(weights) - 1)
    places = np.argpartition(-weights, limit, axis=1)[:, :limit]
    chosen = np.take_along_axis(weights, places, axis=1)
    order = np.lexsort((places, -chosen), axis=1)
    places = np.take_along_axis(places, order, axis=1)
    return places.astype(np.int64), np.maximum(np.take_along_axis(chosen, order, axis=1), 0.0)


def split(matrix: sparse.csr_matrix, *, seed: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Return what is learned from and what is held out: a fifth of the visits of those with five
    or more, drawn by a seed."""
    chance = np.random.default_rng(seed)
    pairs = matrix.tocoo()
    many = np.asarray(matrix.sum(axis=1)).ravel()
    out = (chance.random(len(pairs.row)) < 0.2) & (many[pairs.row] >= 5)

    def part(which: NDArray[np.bool_]) -> sparse.csr_matrix:
        where = (pairs.row[which], pairs.col[which])
        return sparse.csr_matrix((np.ones(which.sum()), where), shape=matrix.shape)

    return part(~out), part(out)


def gain(scores: Floats, *, known: sparse.csr_matrix, held_out: sparse.csr_matrix) -> float:
    """Return the mean NDCG@10 of ranking what people do not know yet, over those of whom something
    was held out.

    Args:
        scores: float32[people, notes].
        known, held_out: as by ``split``.
    """
    judged = np.flatnonzero(np.asarray(held_out.sum(axis=1)).ravel())
    if not len(judged):
        return 0.0
    ranked = scores[judged].copy()
    ranked[known[judged].nonzero()] = -np.inf
    depth = min(10, ranked.shape[1])
    top = np.argsort(-ranked, axis=1, kind="stable")[:, :depth]
    wanted = held_out[judged].toarray() > 0
    hits = np.take_along_axis(wanted, top, axis=1) @ _DISCOUNTS[:depth]
    ideal = np.cumsum(_DISCOUNTS)[np.minimum(wanted.sum(axis=1), depth) - 1]
    return float((hits / ideal).mean())
