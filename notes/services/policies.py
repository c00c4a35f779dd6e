"""Making ways of ranking: a new version of one, and which one is the default."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max

from notes.discovery.policies import FeedPolicy
from notes.models import RankingPolicy
from redshop.core.db import requires_transaction
from redshop.core.errors import InvalidInput, NotFound

#: Numbers that are shares or probabilities.
SHARES: Final = frozenset(
    {
        "seen_factor", "opened_factor", "reduced_topic_factor", "author_repeat_factor",
        "small_share", "diversity_loss", "exploration", "interest_threshold",
    }
)  # fmt: skip
#: Numbers that must be at least one.
AT_LEAST_ONE: Final = frozenset(
    {"saturation", "author_cap", "sponsored_gap", "exploration_window", "diversity_window",
     "half_life_hours", "seen_days"}
)  # fmt: skip
#: Nobody is offered more of one source.
MOST: Final = 2_000


@requires_transaction
def create(
    *, name: str, words: str, numbers: Mapping[str, float], depth: int, at: datetime
) -> RankingPolicy:
    """Make the next version of a policy, or the first; nobody's feed changes yet.

    Raises:
        InvalidInput: a number is not known or out of its range, or nothing weighs anything.
    """
    check(numbers)
    usual = FeedPolicy.numbers()
    whole = {key for key, value in usual.items() if isinstance(value, int)}
    kept = {
        key: int(value) if key in whole else float(value)
        for key, value in numbers.items()
        if value != usual[key]
    }
    last = RankingPolicy.objects.filter(name=name).aggregate(last=Max("version"))["last"] or 0
    return RankingPolicy.objects.create(
        name=name,
        version=last + 1,
        since=at.date(),
        words=words,
        numbers=kept,
        depth=depth,
        created_at=at,
    )


@transaction.atomic(durable=True)
def make_default(*, policy_id: int) -> RankingPolicy:
    """Rank by this policy for everybody who is in no experiment.

    Locks: the policies, in primary-key order.

    Raises:
        NotFound: there is no such policy.
    """
    rows = {row.pk: row for row in RankingPolicy.objects.order_by("pk").locked()}
    if policy_id not in rows:
        raise NotFound
    RankingPolicy.objects.filter(is_default=True).update(is_default=False)
    RankingPolicy.objects.filter(pk=policy_id).update(is_default=True)
    rows[policy_id].is_default = True
    return rows[policy_id]


def check(numbers: Mapping[str, float]) -> None:
    """Refuse numbers that no feed can be ranked by.

    Raises:
        InvalidInput: a number is not known or out of its range, or nothing weighs anything.
    """
    usual = FeedPolicy.numbers()
    for name, value in numbers.items():
        if name not in usual:
            raise InvalidInput(pointer=f"/{name}", code="unknown", message="No such number.")
        if value < 0 or value > _most(name):
            raise InvalidInput(
                pointer=f"/{name}",
                code="out_of_range",
                message=f"It must be between 0 and {_most(name):g}.",
            )
        if name in AT_LEAST_ONE and value < 1:
            raise InvalidInput(pointer=f"/{name}", code="out_of_range", message="At least 1.")
        if isinstance(usual[name], int) and value != int(value):
            raise InvalidInput(pointer=f"/{name}", code="not_whole", message="A whole number.")
    merged = {**usual, **numbers}
    if not any(merged[name] for name in ("engagement", "freshness", *FeedPolicy.PREDICTED)):
        raise InvalidInput(
            pointer="/engagement",
            code="weighs_nothing",
            message="For visitors nothing would weigh: give engagement or freshness a weight.",
        )
    if merged["spectrum"] and merged["marginal"]:
        raise InvalidInput(
            pointer="/marginal", code="twofold", message="One way to variety at a time."
        )


def _most(name: str) -> float:
    if name in SHARES:
        return 1.0
    if name.startswith("by_") or name in {"fresh", "popular", "anchors"}:
        return float(MOST)
    return 1_000_000.0
