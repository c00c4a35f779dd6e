"""From what one viewer is offered to their answer: scores, caps, diversity, shares, chance.

Pure functions on arrays; the order in which notes are offered changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np

from notes.discovery.candidates import Offers
from notes.discovery.lenses import lens_of
from notes.discovery.policies import FeedPolicy
from notes.discovery.profiles import Profile
from notes.discovery.ranking import diversity, exploration
from notes.discovery.ranking.arrays import Bools, Floats, Ints
from notes.discovery.ranking.features import Scores, scores_of
from notes.discovery.ranking.order import author_places, best, recency, shared_out, spaced
from notes.discovery.ranking.pool import Pool, Signals, signals_of
from notes.discovery.reasons import Kept
from notes.discovery.similar import Nearby
from notes.discovery.snapshots import Ledger
from notes.discovery.tastes import Taste

#: What is learned says the probability of each outcome.
Prediction = Callable[[Signals], Mapping[str, Floats]]
#: So many times as many notes as there are varied places are looked at for variety.
_LOOKED_AT: Final = 3


@dataclass(frozen=True, slots=True)
class Order:
    """Notes in their order, and how they came there; arrays of one length."""

    places: Ints  #: in the pool
    scores: Floats
    repeats: Floats  #: the factor for an author's better notes
    before: Ints  #: where each stood before chance
    propensities: Floats


def ledger(
    *,
    profile: Profile,
    offered: tuple[Pool, Offers],
    nearby: Nearby,
    taste: Taste,
    at: float,
    policy: FeedPolicy,
    predict: Prediction | None,
    depth: int,
    request_id: UUID,
) -> Ledger:
    """Rank what is offered to a viewer; return the answer with how it came about."""
    pool, offers = offered
    allowed = profile.allows(author_ids=pool.author_ids, note_ids=pool.note_ids)
    eligible = np.flatnonzero(allowed & (pool.author_ids != (profile.viewer.person_id or 0)))
    pool = pool.take(eligible)
    signals = signals_of(pool, lens_of(profile, pool, nearby, taste), at=at)
    scores = scores_of(signals, policy=policy, predicted=predict(signals) if predict else None)
    order = ordered(
        pool,
        scores.total,
        shown=profile.shown_of(pool.author_ids),
        policy=policy,
        depth=depth,
        request_id=request_id,
    )
    return _ledger(
        profile=profile,
        pool=pool,
        offers={name: offer[eligible] for name, offer in offers.items()},
        signals=signals,
        scores=scores,
        order=order,
        policy=policy,
    )


def ordered(
    pool: Pool,
    scores: Floats,
    *,
    shown: Ints,
    policy: FeedPolicy,
    depth: int,
    request_id: UUID,
) -> Order:
    """Order notes by their scores, an author's repeats sinking, with caps, variety and chance.

    ``shown`` (int64[n]) is how many of the cap each note's author has used up before.
    """
    tie_break = recency(pool.published_at, pool.note_ids)
    nth = author_places(scores=scores, author_ids=pool.author_ids, tie_break=tie_break)
    repeats = policy.author_repeat_factor**nth
    total = scores * repeats
    chosen = best(scores=total, tie_break=tie_break, limit=pool.size)
    chosen = chosen[(nth + shown)[chosen] < policy.author_cap]
    chosen = chosen[_varied(pool, total, chosen, policy=policy)]
    chosen = _shared_out(pool, chosen, policy=policy, depth=depth)
    chosen = chosen[spaced(pool.is_sponsored[chosen], gap=policy.sponsored_gap, limit=depth)]
    before, propensities = _by_chance(
        pool.is_sponsored[chosen], policy=policy, request_id=request_id
    )
    chosen = chosen[before]
    return Order(chosen, total[chosen], np.asarray(repeats[chosen]), before, propensities)


def _varied(pool: Pool, total: Floats, chosen: Ints, *, policy: FeedPolicy) -> Ints:
    """Return the order in which the best are shown so that they differ from one another."""
    everything = np.arange(len(chosen))
    strength = policy.spectrum or policy.marginal
    if not strength or not len(chosen):
        return everything
    reorder = diversity.spectrum if policy.spectrum else diversity.marginal
    head = chosen[: _LOOKED_AT * policy.diverse_places]
    order = reorder(
        total[head],
        pool.vectors[head],
        strength=strength,
        loss=policy.diversity_loss,
        window=policy.diversity_window,
        places=policy.diverse_places,
    )
    return np.concatenate([order, everything[len(head) :]])


def _shared_out(pool: Pool, chosen: Ints, *, policy: FeedPolicy, depth: int) -> Ints:
    """Give small creators their share of the places that nobody pays for.

    Notes that ``depth`` places cannot reach are left out.
    """
    is_paid = pool.is_sponsored[chosen]
    organic, paid = np.flatnonzero(~is_paid), np.flatnonzero(is_paid)
    given, paid = organic[:depth], paid[:depth]
    if policy.small_share:
        is_small = pool.is_small[chosen[organic]]
        given = organic[shared_out(is_small, share=policy.small_share, limit=depth)]
    # a paid note stands where it stood among the others
    where = np.concatenate([organic[: len(given)], paid])
    merged = np.concatenate([given, paid])[np.argsort(where, kind="stable")]
    return np.asarray(chosen[merged])


def _by_chance(is_paid: Bools, *, policy: FeedPolicy, request_id: UUID) -> tuple[Ints, Floats]:
    """Let chance move notes that nobody paid for; return each place's note, and its propensity."""
    order, propensities = np.arange(len(is_paid)), np.ones(len(is_paid))
    organic = np.flatnonzero(~is_paid)
    draws = exploration.draws_of(request_id, len(organic))
    moved, how_likely = exploration.explore(
        draws, share=policy.exploration, window=policy.exploration_window
    )
    order[organic], propensities[organic] = organic[moved], how_likely
    return order, propensities


def _ledger(
    *,
    profile: Profile,
    pool: Pool,
    offers: Offers,
    signals: Signals,
    scores: Scores,
    order: Order,
    policy: FeedPolicy,
) -> Ledger:
    chosen = order.places
    sources, reasons = _reasons(pool, profile, offers, chosen)
    is_explored = policy.exploration > 0
    factors = {name: values[chosen] for name, values in scores.factors.items()}
    moved = {
        "before": order.before.astype(np.float64),
        "propensity": order.propensities,
        "is_movable": (~pool.is_sponsored[chosen]).astype(np.float64),
    }
    return Ledger(
        note_ids=pool.note_ids[chosen].tolist(),
        scores=order.scores.round(6).tolist(),
        sources=sources,
        reasons=reasons,
        weights={name: policy.weights[name] for name in scores.features},
        features={name: values[chosen] for name, values in scores.features.items()},
        factors={**factors, "author_repeat": order.repeats},
        signals={name: values[chosen] for name, values in signals.items()},
        chance=moved if is_explored else {},
        window=policy.exploration_window if is_explored else 0,
    )


def _reasons(
    pool: Pool, profile: Profile, offers: Offers, chosen: Ints
) -> tuple[list[str], list[list[Kept]]]:
    """Return each note's first source, and the sentence of every source that offers it."""
    topics = _strongest_topics(pool, profile, chosen)
    columns = [(name, offer[chosen].tolist()) for name, offer in offers.items()]
    sources: list[str] = []
    reasons: list[list[Kept]] = []
    for place, topic in enumerate(topics):
        names = [name for name, column in columns if column[place]]
        sources.append(names[0])
        reasons.append([(name, topic if name in _ABOUT else "") for name in names])
    return sources, reasons


#: The sources whose sentence names a topic.
_ABOUT: Final = ("interest", "trending")


def _strongest_topics(pool: Pool, profile: Profile, chosen: Ints) -> Sequence[str]:
    """Return, for each chosen note, the topic of it that interests the viewer most, or ""."""
    if profile.interests is None or not pool.slugs or not pool.topics.shape[1]:
        return [""] * len(chosen)
    interest = np.append(profile.interests.of(pool.slugs), -1.0)
    topics = pool.topics[chosen]
    strongest = topics[np.arange(len(chosen)), interest[topics].argmax(axis=1)]
    names = [*pool.slugs, ""]
    return [names[place] for place in strongest.tolist()]
