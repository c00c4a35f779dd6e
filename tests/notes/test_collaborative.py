"""What is recommended beside what people went to, on real visits and by hand."""

import gzip
import zipfile
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from notes.discovery.learning.collaborative import gain, item_weights, nearest, split, visits
from tests.real_data import real

Pairs = NDArray[np.int64]


def read(lines: bytes, separator: str) -> Pairs:
    rows = [line.split(separator)[:2] for line in lines.decode().splitlines()[1:] if line.strip()]
    return np.array(rows, dtype=np.int64)


@pytest.fixture(scope="module")
def retailrocket() -> tuple[Pairs, Pairs]:
    """The views of RetailRocket (CC BY-NC-SA 4.0): those to learn from, and those held out."""
    with zipfile.ZipFile(real("retailrocket_interactions.zip")) as archive:
        views = read(archive.read("RetailRocket_Ecommerce/view_ecommerce.dat"), "\t")
    with gzip.open(real("retailrocket_heldout.csv.gz")) as file:
        held_out = read(file.read(), ",")
    gone = {tuple(pair) for pair in held_out.tolist()}
    return np.array([pair for pair in views.tolist() if tuple(pair) not in gone]), held_out


@pytest.mark.realdata
def test_held_out_views_are_found_better_than_by_the_best_that_was_listed(
    retailrocket: tuple[Pairs, Pairs],
) -> None:
    """Protocol: README.md of the real data. EASE, lambda 50: NDCG@10 0.163, Recall@20 0.301."""
    known, held_out = retailrocket
    seen = visits(known[:, 0], known[:, 1])
    weights = item_weights(seen.matrix)
    column = {item: place for place, item in enumerate(seen.notes.tolist())}
    row = {person: place for place, person in enumerate(seen.people.tolist())}
    wanted: dict[int, set[int]] = {}
    for person, item in held_out.tolist():
        wanted.setdefault(person, set()).add(column.get(item, -1 - item))
    discounts = 1 / np.log2(np.arange(2, 12))

    asked = seen.matrix[[row[person] for person in wanted]]
    scores = asked @ weights
    scores[asked.nonzero()] = -np.inf
    ndcg, recall = [], []
    for items, mine in zip(wanted.values(), scores, strict=True):
        top = np.argsort(-mine)[:20].tolist()
        hits = np.array([place in items for place in top])
        ndcg.append((hits[:10] * discounts).sum() / discounts[: min(10, len(items))].sum())
        recall.append(hits.sum() / len(items))

    assert (len(known), len(wanted)) == (62_771, 3_370)
    print(f"NDCG@10 {np.mean(ndcg):.4f}, Recall@20 {np.mean(recall):.4f}")
    assert np.mean(ndcg) >= 0.163
    assert np.mean(recall) >= 0.301


def went(*pairs: tuple[int, int]) -> Any:
    people, notes = np.array(pairs).T
    return visits(people, notes)


def test_the_weights_are_those_of_the_closed_form() -> None:
    seen = went((1, 10), (1, 11), (2, 10), (2, 11), (3, 12), (3, 10), (3, 10))

    weights = item_weights(seen.matrix, penalty=2.0, dropout=0.5, damping=0.0)

    x = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], dtype=float)
    gram = x.T @ x
    inverse = np.linalg.inv(gram + 2.0 * np.eye(3) + 0.5 * np.diag(np.diag(gram)))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    assert weights == pytest.approx(expected, rel=1e-5)
    assert weights[0, 1] > weights[0, 2] > 0


def test_nearest_are_those_with_the_largest_weights_and_none_against() -> None:
    weights = np.array([[0.0, 0.3, -0.2], [0.1, 0.0, 0.5], [0.2, 0.2, 0.0]], dtype=np.float32)

    places, values = nearest(weights, limit=2)

    assert places.tolist() == [[1, 0], [2, 0], [0, 1]]
    assert values == pytest.approx(np.array([[0.3, 0.0], [0.5, 0.1], [0.2, 0.2]]))


def test_what_is_held_out_is_not_learned_from() -> None:
    chance = np.random.default_rng(1)
    matrix = sparse.csr_matrix(chance.random((40, 30)) < 0.4, dtype=float)

    known, held_out = split(matrix, seed=7)

    assert (known + held_out != matrix).nnz == 0
    assert known.multiply(held_out).nnz == 0
    few = np.asarray(matrix.sum(axis=1)).ravel() < 5
    assert held_out[few].nnz == 0
    assert 0.1 < held_out.nnz / matrix.nnz < 0.3


def test_the_gain_is_one_where_all_that_was_held_out_stands_first() -> None:
    known = sparse.csr_matrix([[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    held_out = sparse.csr_matrix([[0, 1.0, 1.0, 0], [0, 0, 0, 0]])
    right = np.array([[9.0, 2, 1, 0], [0, 0, 0, 0]], dtype=np.float32)
    wrong = np.array([[9.0, 0, 0, 1], [0, 0, 0, 0]], dtype=np.float32)

    assert gain(right, known=known, held_out=held_out) == pytest.approx(1.0)
    by_hand = (1 / np.log2(3) + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert gain(wrong, known=known, held_out=held_out) == pytest.approx(by_hand)
