"""Learning from what was shown, and judging what was learned before it ranks anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zlib import crc32

import numpy as np
from django.db import transaction

from notes.discovery import choosing, shown
from notes.discovery.learning import off_policy, outcomes
from notes.discovery.learning.off_policy import Estimate
from notes.discovery.learning.outcomes import OUTCOMES, Heads
from notes.discovery.policies import FeedPolicy
from notes.discovery.ranking.arrays import Floats
from notes.discovery.ranking.pool import Signals
from notes.discovery.shown import Model, Shown
from notes.errors import NothingToGoBy
from notes.models import LearnedModel, RankingPolicy

#: What was shown in so many days is learned from.
DAYS: Final = 30
#: Of people, one in so many is held out.
HELD_OUT: Final = 4
#: Less than so many notes shown, or opened, teach nothing.
LEAST_SHOWN, LEAST_OPENED = 2_000, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How a policy would have fared where others ranked."""

    policy: str
    answers: int
    places: int
    effective: float  #: of how many places of its own these are worth
    estimates: dict[str, dict[str, Estimate]]  #: by outcome, then by estimator
    logged: dict[str, float]  #: what came of what was shown, by outcome


@transaction.atomic(durable=True)
def learn(*, at: datetime) -> LearnedModel | None:
    """Learn from what was shown to most people, and judge by what was shown to the others.

    It is used only where, by what was held out, every formula would have earned less, with the
    interval of the difference clear of zero. Returns None where there is too little to learn from.
    """
    answers = shown.load(since=at - timedelta(days=DAYS), at=at)
    known = [each for each in answers if crc32(each.actor.encode()) % HELD_OUT]
    held_out = [each for each in answers if not crc32(each.actor.encode()) % HELD_OUT]
    if not known or not held_out or not _is_enough(known):
        return None
    heads = outcomes.learn(*shown.examples(known))
    policies = [choosing.as_policy(row) for row in RankingPolicy.objects.order_by("pk")]
    learned = [policy for policy in policies if policy.is_learned]
    formulas = [policy for policy in policies if not policy.is_learned]
    if not learned:
        return None
    judged = judge(held_out, heads=heads, learned=learned[-1], formulas=formulas)
    return LearnedModel.objects.create(
        learned_at=at,
        impressions=sum(len(each.places) for each in known),
        held_out=sum(len(each.places) for each in held_out),
        heads=heads.as_json(),
        judged=off_policy.as_json(judged),
        is_used=bool(judged) and all(each.low > 0 for each in judged.values()),
    )


def judge(
    held_out: Sequence[Shown], *, heads: Heads, learned: FeedPolicy, formulas: Sequence[FeedPolicy]
) -> dict[str, Estimate]:
    """Return by how much a learned policy would have earned more a place than each formula."""
    worth = {name: weight for name in OUTCOMES if (weight := getattr(learned, name))}

    def expected(signals: Signals) -> Floats:
        said = heads.predict(signals)
        return np.asarray(np.add.reduce([weight * said[name] for name, weight in worth.items()]))

    ours = shown.decisions(
        held_out, policy=learned, worth=worth, predict=heads.predict, model=expected
    )
    if not len(ours.logged):
        return {}
    return {
        policy.label: off_policy.difference(
            ours,
            shown.decisions(held_out, policy=policy, worth=worth, predict=None, model=expected),
        )
        for policy in formulas
    }


def evaluate(*, policy: FeedPolicy, at: datetime, days: int = DAYS) -> Evaluation:
    """Estimate what would have come of a policy, from what others showed.

    The model of the doubly robust estimate never saw the half that it is used on.

    Raises:
        NothingToGoBy: chance had no part in what was shown, or no model is used that it needs.
    """
    model = choosing.model() if policy.is_learned else None
    if policy.is_learned and model is None:
        raise NothingToGoBy("This policy needs a learned model, and none is used.")
    answers = shown.load(since=at - timedelta(days=days), at=at)
    halves = [[each for each in answers if crc32(each.actor.encode()) % 2 == n] for n in (0, 1)]
    if not all(halves) or not any(each.ledger.window for each in answers):
        raise NothingToGoBy("Nothing was shown in which chance had a part.")
    heads = [outcomes.learn(*shown.examples(half)) for half in halves]
    predict = Heads.from_json(model.heads).predict if model else None
    estimates: dict[str, dict[str, Estimate]] = {}
    logged: dict[str, float] = {}
    for name in ("open", "buy"):
        parts = [
            shown.decisions(
                half, policy=policy, worth={name: 1.0}, predict=predict, model=_of(other, name)
            )
            for half, other in zip(halves, reversed(heads), strict=True)
        ]
        both = off_policy.joined(parts)
        estimates[name] = off_policy.estimates(both)
        logged[name] = float(both.outcome.mean())
    return Evaluation(
        policy=policy.label,
        answers=len(answers),
        places=len(both.logged),
        effective=off_policy.effective_size(both),
        estimates=estimates,
        logged=logged,
    )


def _of(heads: Heads, outcome: str) -> Model:
    return lambda signals: heads.predict(signals)[outcome]


def _is_enough(answers: Sequence[Shown]) -> bool:
    seen = sum(len(each.places) for each in answers)
    opened = sum(float(each.outcomes["open"].sum()) for each in answers)
    return seen >= LEAST_SHOWN and opened >= LEAST_OPENED
