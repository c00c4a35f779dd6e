"""Simulated logs of explore, made by the real cascade, whose truth is known."""

from datetime import date
from typing import Any, Final
from uuid import UUID

import numpy as np

from notes.discovery import cascade
from notes.discovery.learning.outcomes import OUTCOMES
from notes.discovery.policies import FeedPolicy
from notes.discovery.ranking.arrays import Floats
from notes.discovery.ranking.features import scores_of
from notes.discovery.ranking.pool import INTERACTIONS, Pool, Signals
from notes.discovery.shown import Shown
from notes.discovery.snapshots import Ledger

NOTES, SEEN = 30, 12
NOW: Final = 1_800_000_000.0


def policy(name: str = "logging", **numbers: Any) -> FeedPolicy:
    return FeedPolicy(
        name=name, version=1, since=date(2026, 11, 1), surfaces=("explore",), words="A trial.",
        **numbers,
    )  # fmt: skip


LOGGING: Final = policy(exploration=0.3, exploration_window=5)


def chances(signals: Signals) -> dict[str, Floats]:
    """Return what people truly do: they open what interests them and is liked, both together."""
    liked = np.log1p(signals["likes"]) / 5.0
    pull = -3.0 + 3.0 * signals["interest"] * liked + 2.0 * signals["content"]
    opened = 1.0 / (1.0 + np.exp(-pull))
    return {
        "open": opened,
        "engage": 0.3 * opened,
        "want": 0.4 * opened * signals["interest"],
        "buy": 0.1 * opened * signals["content"],
    }


def signals_of(rng: np.random.Generator) -> dict[str, Floats]:
    """Draw what is known of the notes of an answer."""
    draw = rng.random
    known = {name: np.floor(rng.exponential(40.0, NOTES)) for name in INTERACTIONS}
    return {
        **known,
        "age_hours": rng.exponential(60.0, NOTES),
        "newcomer": (draw(NOTES) < 0.2).astype(float),
        "interest": draw(NOTES) ** 2,
        "following": (draw(NOTES) < 0.1).astype(float),
        "similar": np.where(draw(NOTES) < 0.3, draw(NOTES), 0.0),
        "content": draw(NOTES) ** 2,
        "times_shown": rng.poisson(0.4, NOTES).astype(float),
        "is_opened": (draw(NOTES) < 0.05).astype(float),
        "is_reduced": (draw(NOTES) < 0.05).astype(float),
    }


def answered(seed: int, way: FeedPolicy = LOGGING) -> Shown:
    """Rank an answer, show the first notes of it, and let somebody look."""
    rng = np.random.default_rng(seed)
    signals = signals_of(rng)
    order = cascade.ordered(
        _pool(signals),
        scores_of(signals, policy=way).total,
        shown=np.zeros(NOTES, dtype=np.int64),
        policy=way,
        depth=NOTES,
        request_id=UUID(int=int(rng.integers(2**63))),
    )
    there = {name: values[order.places] for name, values in signals.items()}
    true = chances(there)
    places = np.arange(SEEN)
    return Shown(
        request_id=UUID(int=seed),
        policy=way.label,
        actor=f"person {seed % 400}",
        ledger=Ledger(
            note_ids=order.places.tolist(),
            scores=order.scores.tolist(),
            sources=["fresh"] * NOTES,
            reasons=[[]] * NOTES,
            signals=there,
            chance={
                "before": order.before.astype(float),
                "propensity": order.propensities,
                "is_movable": np.ones(NOTES),
            },
            window=way.exploration_window,
        ),
        places=places,
        outcomes={name: (rng.random(SEEN) < true[name][places]).astype(float) for name in OUTCOMES},
    )


def _pool(signals: Signals) -> Pool:
    return Pool(
        note_ids=np.arange(NOTES),
        author_ids=np.arange(NOTES),
        published_at=NOW - signals["age_hours"] * 3_600.0,
        interactions=np.stack([signals[name] for name in INTERACTIONS], axis=1),
        is_sponsored=np.zeros(NOTES, dtype=bool),
        is_small=np.zeros(NOTES, dtype=bool),
        is_newcomer=signals["newcomer"] > 0,
        vectors=np.zeros((NOTES, 2), dtype=np.float32),
        topics=np.empty((NOTES, 0), dtype=np.int64),
    )
