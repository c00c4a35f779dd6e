"""Ranking as pure functions: arrays and a policy in, scores and an order out.

The live feed and the simulated world run this same code. Nothing here reads a database or a clock,
and no result depends on the order in which the notes are handed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from notes.discovery.policies import FeedPolicy

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HOUR = 3_600.0
#: The counters of a note, in the order in which queries return them.
INTERACTIONS = ("likes", "saves", "comments", "shares", "follows")
#: Scores closer than this are equal, and the newer note goes first.
DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Pool:
    """The notes that a request may show; arrays of one length ``n`` unless said otherwise.

    A note's topics are pairs: note ``pair_note[i]`` (an index) has topic ``pair_topic[i]`` (an
    index into ``topics``). ``by_topic`` marks the pairs whose note is among its topic's newest.
    """

    note_ids: Ints
    author_ids: Ints
    published_at: Floats  #: seconds since 1970
    interactions: Mapping[str, Floats]  #: likes, saves, comments, shares, follows
    is_fresh: Bools
    is_popular: Bools
    is_by_followed: Bools  #: among its author's newest
    is_sponsored: Bools
    topics: Sequence[str]
    pair_note: Ints
    pair_topic: Ints
    by_topic: Bools

    @property
    def size(self) -> int:
        return len(self.note_ids)


@dataclass(frozen=True, slots=True)
class Lens:
    """What one viewer brings to a pool."""

    followed: Ints  #: ids of authors
    topic_interest: Floats  #: float64[topics of the pool], 0 to 1
    is_reduced_topic: Bools  #: bool[topics of the pool]
    similar: Floats  #: float64[n], 0 to 1
    is_similar: Bools  #: bool[n], among those that come nearest
    times_shown: Floats  #: float64[n]
    is_opened: Bools  #: bool[n]


@dataclass(frozen=True, slots=True)
class Scores:
    """How each note's score came about: the weighted sum of features, times the factors."""

    features: Mapping[str, Floats]
    factors: Mapping[str, Floats]
    total: Floats


def explore_scores(*, pool: Pool, lens: Lens | None, policy: FeedPolicy, at: float) -> Scores:
    """Score every note of the pool for one viewer, or for nobody in particular.

    Args:
        lens: the viewer's, or None where nothing may be personal.
        at: the moment of the request, seconds since 1970.
    """
    features = {
        "engagement": engagement(pool.interactions, policy=policy),
        "freshness": freshness(pool.published_at, at=at, half_life_hours=policy.half_life_hours),
    }
    factors: dict[str, Floats] = {}
    if lens is not None:
        features["interest"] = note_interest(pool, lens.topic_interest)
        features["following"] = np.isin(pool.author_ids, lens.followed).astype(np.float64)
        features["similar"] = lens.similar
        factors["seen"] = seen(lens, policy=policy)
        factors["reduced_topic"] = np.where(
            has_topic(pool, lens.is_reduced_topic), policy.reduced_topic_factor, 1.0
        )
    return Scores(features, factors, combine(features, factors, weights=policy.weights))


def combine(
    features: Mapping[str, Floats], factors: Mapping[str, Floats], *, weights: Mapping[str, float]
) -> Floats:
    """Return the weighted sum of the features, times every factor."""
    total = np.add.reduce([weights[name] * values for name, values in features.items()])
    return np.asarray(np.multiply.reduce([total, *factors.values()]))


def interactions_of(columns: Sequence[Sequence[int]]) -> dict[str, Floats]:
    """Return the counters by name from columns in the order of ``INTERACTIONS``."""
    return {
        name: np.array(column, dtype=np.float64)
        for name, column in zip(INTERACTIONS, columns, strict=True)
    }


def weighted_interactions(interactions: Mapping[str, Floats], *, policy: FeedPolicy) -> Floats:
    """Return float64[n]: the interactions, each by the policy's weight."""
    return (
        policy.like * interactions["likes"]
        + policy.save * interactions["saves"]
        + policy.comment * interactions["comments"]
        + policy.share * interactions["shares"]
        + policy.follow * interactions["follows"]
    )


def engagement(interactions: Mapping[str, Floats], *, policy: FeedPolicy) -> Floats:
    """Return float64[n] in 0..1: the logarithm of the weighted interactions, saturated."""
    weighted = weighted_interactions(interactions, policy=policy)
    return np.asarray(np.minimum(np.log1p(weighted) / np.log1p(policy.saturation), 1.0))


def freshness(published_at: Floats, *, at: float, half_life_hours: float) -> Floats:
    """Return float64[n] in 0..1: one when published, half after each half-life."""
    hours = np.maximum(at - published_at, 0.0) / HOUR
    return np.asarray(np.exp2(-hours / half_life_hours))


def note_interest(pool: Pool, topic_interest: Floats) -> Floats:
    """Return float64[n] in 0..1: the mean interest over a note's topics, zero without topics."""
    total = np.bincount(
        pool.pair_note, weights=topic_interest[pool.pair_topic], minlength=pool.size
    )
    count = np.bincount(pool.pair_note, minlength=pool.size)
    return total / np.maximum(count, 1)


def has_topic(pool: Pool, is_wanted: Bools) -> Bools:
    """Return bool[n]: whether a note has one of the wanted topics."""
    found = np.zeros(pool.size, dtype=np.bool_)
    found[pool.pair_note[is_wanted[pool.pair_topic]]] = True
    return found


def seen(lens: Lens, *, policy: FeedPolicy) -> Floats:
    """Return float64[n]: how far what the viewer has seen or opened sinks."""
    shown = policy.seen_factor ** np.minimum(lens.times_shown, 3.0)
    return np.where(lens.is_opened, policy.opened_factor, shown)


def recency(pool_published_at: Floats, note_ids: Ints) -> Ints:
    """Return int64[n]: each note's place when the newest is first; what breaks every tie."""
    place = np.empty(len(note_ids), dtype=np.int64)
    place[np.lexsort((-note_ids, -pool_published_at))] = np.arange(len(note_ids))
    return place


def author_places(*, scores: Floats, author_ids: Ints, tie_break: Ints) -> Ints:
    """Return int64[n]: how many better notes the author of each has among these."""
    order = np.lexsort((tie_break, -np.round(scores, DECIMALS), author_ids))
    authors = author_ids[order]
    starts = np.flatnonzero(np.r_[True, authors[1:] != authors[:-1]])
    sizes = np.diff(np.r_[starts, len(authors)])
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order)) - np.repeat(starts, sizes)
    return places


def author_repeats(*, scores: Floats, author_ids: Ints, tie_break: Ints, factor: float) -> Floats:
    """Return float64[n]: ``factor`` to the power of how many better notes the author has here."""
    places = author_places(scores=scores, author_ids=author_ids, tie_break=tie_break)
    return np.asarray(factor**places)


def spaced(is_apart: Bools, *, gap: int, limit: int) -> Ints:
    """Return places of a list in a new order: those marked stand at least ``gap`` places apart.

    Everything else keeps its order; what is marked moves down to the first place that is far
    enough from the one before, and is left out where there is none among the first ``limit``.
    """
    waiting, rest = np.flatnonzero(is_apart).tolist(), np.flatnonzero(~is_apart).tolist()
    chosen: list[int] = []
    last = -gap
    while len(chosen) < limit and (waiting or rest):
        is_free = bool(waiting) and len(chosen) - last >= gap
        if is_free and (not rest or waiting[0] < rest[0]):
            last = len(chosen)
            chosen.append(waiting.pop(0))
        elif rest:
            chosen.append(rest.pop(0))
        else:
            break
    return np.array(chosen, dtype=np.int64)


def best(*, scores: Floats, tie_break: Ints, limit: int) -> Ints:
    """Return the indices of the best scores, best first."""
    return np.lexsort((tie_break, -np.round(scores, DECIMALS)))[:limit]
