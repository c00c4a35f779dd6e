"""Ranking depends on what notes are, never on the order in which they come."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notes.discovery import cascade
from notes.discovery.interests import Deeds, interests_of
from notes.discovery.policies import FIXED, INTERESTS, FeedPolicy, described
from notes.discovery.ranking import diversity, exploration
from notes.discovery.ranking.features import combine, freshness, scores_of
from notes.discovery.ranking.order import shared_out, spaced
from notes.discovery.ranking.pool import INTERACTIONS, Lens, Pool, signals_of

NOW = 1_800_000_000.0
TOPICS = ["paint", "shoes", "tea"]
REQUEST = UUID(int=7)
EVERYTHING = dict.fromkeys(FeedPolicy.AS_KNOWN, 0.5)


def policy(**numbers: Any) -> FeedPolicy:
    return FeedPolicy(
        name="trial", version=1, since=date(2026, 11, 1), surfaces=("explore",), words="A trial.",
        **numbers,
    )  # fmt: skip


def pool_of(rows: list[dict[str, Any]]) -> Pool:
    """Build a pool in the order of the rows."""
    topics = np.full((len(rows), len(TOPICS)), -1, dtype=np.int64)
    vectors = np.zeros((len(rows), len(TOPICS)), dtype=np.float32)
    for place, row in enumerate(rows):
        for column, topic in enumerate(sorted(row["topics"])):
            topics[place, column] = topic
            vectors[place, topic] = len(row["topics"]) ** -0.5
    return Pool(
        note_ids=np.array([row["id"] for row in rows], dtype=np.int64),
        author_ids=np.array([row["author"] for row in rows], dtype=np.int64),
        published_at=np.array([NOW - row["age"] for row in rows], dtype=float),
        interactions=np.array(
            [[row["interactions"]] * len(INTERACTIONS) for row in rows], dtype=float
        ).reshape(-1, len(INTERACTIONS)),
        is_sponsored=np.array([row.get("paid", False) for row in rows], dtype=bool),
        is_small=np.array([row.get("small", False) for row in rows], dtype=bool),
        is_newcomer=np.array([row.get("newcomer", False) for row in rows], dtype=bool),
        vectors=vectors,
        topics=topics,
        slugs=TOPICS,
    )


def lens_of(rows: list[dict[str, Any]]) -> Lens:
    return Lens(
        followed=np.array([1, 3]),
        topic_interest=np.array([0.1, 0.7, 0.3]),
        is_reduced_topic=np.array([True, False, False]),
        similar=np.array([row.get("similar", 0.0) for row in rows], dtype=float),
        content=np.array([row.get("content", 0.0) for row in rows], dtype=float),
        times_shown=np.array([row["shown"] for row in rows], dtype=float),
        is_opened=np.array([row["opened"] for row in rows], dtype=bool),
    )


def ordered(
    rows: list[dict[str, Any]],
    way: FeedPolicy,
    *,
    depth: int = 50,
    used_up: Mapping[int, int] = MappingProxyType({}),
) -> cascade.Order:
    pool = pool_of(rows)
    signals = signals_of(pool, lens_of(rows), at=NOW)
    scores = scores_of(signals, policy=way).total
    shown = np.array([used_up.get(row["author"], 0) for row in rows], dtype=np.int64)
    return cascade.ordered(pool, scores, shown=shown, policy=way, depth=depth, request_id=REQUEST)


def ranked(rows: list[dict[str, Any]], way: FeedPolicy | None = None) -> list[int]:
    order = ordered(rows, way or policy(**EVERYTHING))
    return [rows[place]["id"] for place in order.places]


A_NOTE = st.fixed_dictionaries(
    {
        "author": st.integers(1, 4),
        "age": st.integers(0, 10**6),
        "interactions": st.integers(0, 50),
        "topics": st.sets(st.integers(0, 2)),
        "shown": st.integers(0, 5),
        "opened": st.booleans(),
        "paid": st.booleans(),
        "small": st.booleans(),
        "newcomer": st.booleans(),
        "similar": st.floats(0, 1),
        "content": st.floats(0, 1),
    }
)
WHOLE = policy(
    **EVERYTHING,
    author_cap=3,
    sponsored_gap=4,
    small_share=0.5,
    spectrum=0.4,
    diversity_loss=0.3,
    exploration=0.3,
    exploration_window=5,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(A_NOTE, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_order_in_which_notes_come_changes_nothing(
    notes: list[dict[str, Any]], random: Any
) -> None:
    rows = [{"id": place + 1, **note} for place, note in enumerate(notes)]
    shuffled = random.sample(rows, len(rows))

    assert ranked(shuffled) == ranked(rows)
    assert ranked(shuffled, WHOLE) == ranked(rows, WHOLE)


@settings(max_examples=60, deadline=None)
@given(st.lists(A_NOTE, min_size=1, max_size=30))
def test_scores_are_the_features_weighed_times_the_factors_and_never_negative(
    notes: list[dict[str, Any]],
) -> None:
    rows = [{"id": place + 1, **note} for place, note in enumerate(notes)]

    way = policy(**EVERYTHING)
    scores = scores_of(signals_of(pool_of(rows), lens_of(rows), at=NOW), policy=way)

    assert set(scores.features) == {"engagement", "freshness", *FeedPolicy.AS_KNOWN}
    for values in [*scores.features.values(), *scores.factors.values()]:
        assert np.all((values >= 0) & (values <= 1))
    again = combine(scores.features, scores.factors, weights=way.weights)
    assert np.array_equal(again, scores.total)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(A_NOTE, min_size=1, max_size=40),
    st.integers(1, 40),
    st.dictionaries(st.integers(1, 4), st.integers(0, 5)),
)
def test_caps_hold_whatever_chance_and_variety_do(
    notes: list[dict[str, Any]], depth: int, used_up: dict[int, int]
) -> None:
    rows = [{"id": place + 1, **note} for place, note in enumerate(notes)]

    order = ordered(rows, WHOLE, depth=depth, used_up=used_up)

    shown = [rows[place] for place in order.places]
    assert len(shown) == len({row["id"] for row in shown}) <= depth
    authors = [row["author"] for row in shown]
    for author in {*authors}:
        assert authors.count(author) + used_up.get(author, 0) <= WHOLE.author_cap
    paid = [place for place, row in enumerate(shown) if row["paid"]]
    assert all(later - earlier >= WHOLE.sponsored_gap for earlier, later in pairwise(paid))
    assert np.all((order.propensities > 0) & (order.propensities <= 1))
    assert np.all(order.propensities[paid] == 1)


@pytest.mark.parametrize("small_share", [0.0, 0.5])
def test_many_paid_notes_leave_no_answer_short(small_share: float) -> None:
    paid = [{"id": n, "author": n, "age": n, "paid": True} for n in range(1, 101)]
    others = [{"id": n, "author": n, "age": 10_000 + n} for n in range(101, 131)]
    rows = [a_row(**row) for row in (*paid, *others)]
    way = policy(sponsored_gap=6, small_share=small_share)

    order = ordered(rows, way, depth=20)

    assert [place for place, n in enumerate(order.places) if rows[n]["paid"]] == [0, 6, 12, 18]
    assert len(order.places) == 20


def a_row(**over: Any) -> dict[str, Any]:
    plain = {"id": 1, "author": 9, "age": 0, "interactions": 0, "topics": set(), "shown": 0}
    return {**plain, "opened": False, "paid": False, **over}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"interactions": 5}, {}),
        ({"age": 0}, {"age": 86_400}),
        ({"topics": {1}}, {"topics": {2}}),
        ({"author": 1}, {"author": 9}),
        ({"shown": 0}, {"shown": 1}),
        ({"shown": 3}, {"opened": True}),
        ({"topics": {1}}, {"topics": {0, 1}}),
        ({"similar": 0.3}, {"similar": 0.2}),
        ({"content": 0.3}, {"content": 0.2}),
        ({"newcomer": True}, {}),
    ],
    ids=[
        "interactions",
        "freshness",
        "interest",
        "following",
        "seen",
        "opened",
        "reduced",
        "similar",
        "content",
        "newcomer",
    ],
)
def test_what_counts_counts(better: dict[str, Any], worse: dict[str, Any]) -> None:
    rows = [a_row(id=1, **worse), a_row(id=2, **{"author": 8, **better})]

    assert ranked(rows) == [2, 1]


def test_equal_scores_put_the_newer_note_first_and_then_the_greater_id() -> None:
    assert ranked([a_row(id=1, author=1), a_row(id=2, author=3)]) == [2, 1]


def test_an_author_s_second_note_sinks_below_others_that_are_nearly_as_good() -> None:
    rows = [
        a_row(id=1, author=9, interactions=9),
        a_row(id=2, author=9, interactions=8),
        a_row(id=3, author=8, interactions=7),
    ]

    assert ranked(rows) == [1, 3, 2]


def test_freshness_halves_after_each_half_life() -> None:
    assert freshness(np.array([0.0, 72.0, 144.0, -1.0]), 72.0).tolist() == [1.0, 0.5, 0.25, 1.0]


AT = datetime.fromtimestamp(NOW, tz=UTC)


def deeds(kind: str, topic: str, times: int, age: timedelta = timedelta()) -> Deeds:
    at = np.array([(AT - age).timestamp()])
    return Deeds(kind, np.array([1]), np.array([float(times)]), at, [topic], np.array([0]))


def test_interest_grows_with_behaviour_fades_with_time_and_follows_the_dials() -> None:
    def interest(*history: Deeds, **dials: str) -> float:
        found = interests_of(history=history, dials=dials, at=AT)
        return float(found.of(["tea"])[0])

    nothing = interest()
    assert nothing == pytest.approx(0.5 / 5.5)
    assert interest(deeds("note_open", "tea", 1)) == pytest.approx(1.5 / 6.5)
    assert interest(deeds("save", "tea", 1)) == pytest.approx(3.5 / 8.5)
    week = timedelta(days=INTERESTS.half_life_days)
    assert interest(deeds("save", "tea", 1, week)) == pytest.approx(2.0 / 7.0)
    assert interest(deeds("hide", "tea", 1)) == 0.0
    assert interest(tea="increase") == pytest.approx(2.0 / 7.0)
    assert interest(tea="reduce") == pytest.approx(0.05 / 5.05)
    assert interest(deeds("impression", "tea", 50)) == nothing
    assert interest(deeds("like", "shoes,tea", 1)) == pytest.approx(2.5 / 7.5)


def test_every_policy_says_what_it_does_in_words_and_numbers() -> None:
    told = [described(each) for each in (policy(), *FIXED)]

    assert len({row["policy"] for row in told}) == len(told)
    assert all(row["words"] for row in told)
    assert all(
        isinstance(number, int | float) for row in told for number in row["numbers"].values()
    )
    assert set(FeedPolicy.numbers()) < set(told[0]["numbers"])


def test_a_changed_number_is_seen_in_the_score() -> None:
    rows = [a_row(interactions=3)]
    signals = signals_of(pool_of(rows), None, at=NOW)

    plain, bolder = (
        scores_of(signals, policy=each).total[0] for each in (policy(), policy(comment=40.0))
    )

    assert plain < bolder
    assert replace(policy(), version=3).label == "trial_v3"


def test_what_a_model_predicts_counts_by_its_weight_alone() -> None:
    rows = [a_row(id=1, interactions=50), a_row(id=2)]
    signals = signals_of(pool_of(rows), None, at=NOW)
    predicted = {"open": np.array([0.1, 0.4]), "buy": np.array([0.02, 0.0])}
    learned = policy(engagement=0.0, freshness=0.0, open=1.0, buy=10.0)

    scores = scores_of(signals, policy=learned, predicted=predicted)

    assert scores.total.tolist() == pytest.approx([0.3, 0.4])
    assert set(scores.features) == {"open", "buy"}


SCORES = st.lists(st.floats(0, 5), min_size=1, max_size=40)


@settings(max_examples=80, deadline=None)
@given(
    SCORES,
    st.integers(0, 2**32),
    st.sampled_from([diversity.spectrum, diversity.marginal]),
    st.floats(0, 1),
    st.floats(0, 3),
)
def test_variety_never_costs_more_than_its_knob(
    scores: list[float], seed: int, reorder: Any, loss: float, strength: float
) -> None:
    falling = np.array(sorted(scores, reverse=True))
    raw = np.random.default_rng(seed).normal(size=(len(scores), 4))
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)

    order = reorder(falling, vectors, strength=strength, loss=loss, window=3, places=25)

    assert sorted(order.tolist()) == list(range(len(scores)))
    kept, ideal = np.cumsum(falling[order]), np.cumsum(falling)
    assert np.all(kept >= (1 - loss) * ideal - 1e-9)
    if loss == 0 or strength == 0:
        assert np.allclose(falling[order], falling)


@pytest.mark.parametrize("reorder", [diversity.spectrum, diversity.marginal])
def test_notes_that_are_alike_are_kept_apart(reorder: Any) -> None:
    scores = np.array([1.0, 0.95, 0.9, 0.85])
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)

    order = reorder(scores, vectors, strength=0.5, loss=0.3, window=2, places=4)

    assert order.tolist()[:2] == [0, 3]


def test_what_leaves_the_window_is_new_again() -> None:
    scores = np.array([1.0, 0.99, 0.98, 0.97])
    vectors = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32)

    order = diversity.spectrum(scores, vectors, strength=1.0, loss=0.5, window=1, places=4)

    assert order.tolist() == [0, 1, 2, 3]


@given(st.lists(st.booleans(), max_size=60), st.floats(0, 1), st.integers(1, 60))
def test_those_entitled_get_their_share_of_every_beginning(
    entitled: list[bool], share: float, limit: int
) -> None:
    marks = np.array(entitled, dtype=bool)

    order = shared_out(marks, share=share, limit=limit).tolist()

    assert len(set(order)) == len(order) == min(limit, len(entitled))
    given_places = np.cumsum(marks[order]) if order else np.empty(0)
    for place, given_so_far in enumerate(given_places):
        assert given_so_far >= min(int(share * (place + 1) + 1e-9), sum(entitled))
    for kind in (True, False):
        kept = [chosen for chosen in order if entitled[chosen] == kind]
        assert kept == [n for n, mark in enumerate(entitled) if mark == kind][: len(kept)]


@given(st.integers(0, 40), st.floats(0, 1), st.integers(0, 12), st.integers(0, 2**64))
def test_chance_moves_notes_with_known_probabilities_that_sum_to_one(
    size: int, share: float, window: int, request: int
) -> None:
    draws = exploration.draws_of(UUID(int=request), size)

    order, propensities = exploration.explore(draws, share=share, window=window)

    assert sorted(order.tolist()) == list(range(size))
    there = exploration.choices(order, window=window)
    for place, at_choice in enumerate(there):
        chances = exploration.propensities(
            len(at_choice), share=share if len(at_choice) > 1 else 0.0
        )
        assert chances.sum() == pytest.approx(1.0)
        assert propensities[place] == pytest.approx(chances[at_choice.index(order[place])])
        assert at_choice == sorted(at_choice)
        assert len(at_choice) <= max(window, 1)


def test_chance_decides_as_often_as_it_is_told_and_always_alike_for_a_request() -> None:
    shown = [
        exploration.explore(exploration.draws_of(UUID(int=n), 30), share=0.2, window=5)
        for n in range(2_000)
    ]

    moved = [order[0] != 0 for order, _ in shown]
    assert np.mean(moved) == pytest.approx(0.2 * 4 / 5, abs=0.03)
    again, _ = exploration.explore(exploration.draws_of(UUID(int=5), 30), share=0.2, window=5)
    assert np.array_equal(again, shown[5][0])


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 8), st.integers(1, 60))
def test_what_stands_apart_keeps_its_distance_and_all_else_its_order(
    marked: list[bool], gap: int, limit: int
) -> None:
    is_apart = np.array(marked, dtype=bool)

    order = spaced(is_apart, gap=gap, limit=limit).tolist()

    apart = [place for place, chosen in enumerate(order) if marked[chosen]]
    assert all(later - earlier >= gap for earlier, later in pairwise(apart))
    assert len(set(order)) == len(order) <= limit
    for kind in (True, False):
        kept = [chosen for chosen in order if marked[chosen] == kind]
        assert kept == [n for n, mark in enumerate(marked) if mark == kind][: len(kept)]
    if len(order) < min(limit, len(marked)):  # only what had no place left is missing
        assert all(marked[n] for n in set(range(len(marked))) - set(order))


def test_nothing_moves_where_nothing_stands_apart_or_it_may_stand_together() -> None:
    assert spaced(np.zeros(5, dtype=bool), gap=6, limit=9).tolist() == [0, 1, 2, 3, 4]
    assert spaced(np.ones(5, dtype=bool), gap=1, limit=9).tolist() == [0, 1, 2, 3, 4]
    assert spaced(np.array([True, True, False, False]), gap=2, limit=9).tolist() == [0, 2, 1, 3]
