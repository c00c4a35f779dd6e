"""Ranking depends on what notes are, never on the order in which they come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notes.discovery.interests import Deeds, interests_of
from notes.discovery.policies import ACTIVE, EXPLORE, INTERESTS, described
from notes.discovery.ranking import (
    INTERACTIONS,
    Lens,
    Pool,
    author_repeats,
    best,
    combine,
    explore_scores,
    freshness,
    recency,
    spaced,
)

NOW = 1_800_000_000.0
TOPICS = ["paint", "shoes", "tea"]


def pool_of(rows: list[dict[str, Any]]) -> Pool:
    """Build a pool in the order of the rows."""
    pairs = [(place, topic) for place, row in enumerate(rows) for topic in sorted(row["topics"])]
    pair_note, pair_topic = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    is_offered = np.ones(len(rows), dtype=bool)
    return Pool(
        note_ids=np.array([row["id"] for row in rows], dtype=np.int64),
        author_ids=np.array([row["author"] for row in rows], dtype=np.int64),
        published_at=np.array([NOW - row["age"] for row in rows], dtype=float),
        interactions={
            name: np.array([row["interactions"] for row in rows], dtype=float)
            for name in INTERACTIONS
        },
        is_fresh=is_offered,
        is_popular=is_offered,
        is_by_followed=is_offered,
        is_sponsored=~is_offered,
        topics=TOPICS,
        pair_note=pair_note,
        pair_topic=pair_topic,
        by_topic=np.ones(len(pairs), dtype=bool),
    )


def lens_of(rows: list[dict[str, Any]]) -> Lens:
    return Lens(
        followed=np.array([1, 3]),
        topic_interest=np.array([0.1, 0.7, 0.3]),
        is_reduced_topic=np.array([True, False, False]),
        similar=np.array([row.get("similar", 0.0) for row in rows], dtype=float),
        is_similar=np.array([row.get("similar", 0.0) > 0 for row in rows], dtype=bool),
        times_shown=np.array([row["shown"] for row in rows], dtype=float),
        is_opened=np.array([row["opened"] for row in rows], dtype=bool),
    )


def ranked(rows: list[dict[str, Any]]) -> list[int]:
    pool = pool_of(rows)
    scores = explore_scores(pool=pool, lens=lens_of(rows), policy=EXPLORE, at=NOW).total
    tie_break = recency(pool.published_at, pool.note_ids)
    repeats = author_repeats(
        scores=scores, author_ids=pool.author_ids, tie_break=tie_break, factor=0.6
    )
    order = best(scores=scores * repeats, tie_break=tie_break, limit=50)
    return [int(note_id) for note_id in pool.note_ids[order]]


A_NOTE = st.fixed_dictionaries(
    {
        "author": st.integers(1, 4),
        "age": st.integers(0, 10**6),
        "interactions": st.integers(0, 50),
        "topics": st.sets(st.integers(0, 2)),
        "shown": st.integers(0, 5),
        "opened": st.booleans(),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(A_NOTE, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_order_in_which_notes_come_changes_nothing(
    notes: list[dict[str, Any]], random: Any
) -> None:
    rows = [{"id": place + 1, **note} for place, note in enumerate(notes)]
    shuffled = random.sample(rows, len(rows))

    assert ranked(shuffled) == ranked(rows)


@settings(max_examples=60, deadline=None)
@given(st.lists(A_NOTE, min_size=1, max_size=30))
def test_scores_are_the_features_weighed_times_the_factors_and_never_negative(
    notes: list[dict[str, Any]],
) -> None:
    rows = [{"id": place + 1, **note} for place, note in enumerate(notes)]

    scores = explore_scores(pool=pool_of(rows), lens=lens_of(rows), policy=EXPLORE, at=NOW)

    assert set(scores.features) == set(EXPLORE.FEATURES)
    for values in [*scores.features.values(), *scores.factors.values()]:
        assert np.all((values >= 0) & (values <= 1))
    again = combine(scores.features, scores.factors, weights=EXPLORE.weights)
    assert np.array_equal(again, scores.total)


def a_row(**over: Any) -> dict[str, Any]:
    plain = {"id": 1, "author": 9, "age": 0, "interactions": 0, "topics": set(), "shown": 0}
    return {**plain, "opened": False, **over}


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
    published_at = np.array([NOW, NOW - 72 * 3600, NOW - 144 * 3600, NOW + 50])

    assert freshness(published_at, at=NOW, half_life_hours=72).tolist() == [1.0, 0.5, 0.25, 1.0]


AT = datetime.fromtimestamp(NOW, tz=UTC)


def deeds(kind: str, topic: str, times: int, age: timedelta = timedelta()) -> Deeds:
    at = np.array([(AT - age).timestamp()])
    return Deeds(kind, np.array([1]), np.array([float(times)]), at, [topic])


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
    told = [described(policy) for policy in ACTIVE]

    assert len({row["policy"] for row in told}) == len(ACTIVE)
    assert all(row["words"] for row in told)
    explore = told[0]["numbers"]
    names = ("like", "save", "comment", "share", "follow")
    assert [explore[name] for name in names] == [1.0, 1.0, 4.0, 4.0, 8.0]
    assert all(
        isinstance(number, int | float) for row in told for number in row["numbers"].values()
    )


def test_a_changed_number_is_seen_in_the_score() -> None:
    rows = [a_row(interactions=3)]
    bolder = replace(EXPLORE, version=3, comment=40.0)

    scores = [
        explore_scores(pool=pool_of(rows), lens=None, policy=policy, at=NOW).total[0]
        for policy in (EXPLORE, bolder)
    ]

    assert scores[0] < scores[1]
    assert (EXPLORE.label, bolder.label) == ("ces_folk_v2", "ces_folk_v3")


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
