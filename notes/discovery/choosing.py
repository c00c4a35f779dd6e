"""Which policy explore is ranked by, for whom: the default, or the arm of an experiment."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import Exists

from notes.discovery.policies import PLAIN, FeedPolicy, Policy
from notes.discovery.types import Viewer
from notes.models import LearnedModel, RankingPolicy
from redshop.accounts.models import User
from redshop.core.errors import NotFound
from redshop.core.populations import Population
from redshop.events.kinds import Surface
from redshop.experiments.models import Experiment, State
from redshop.experiments.services import running

#: The experiment whose arms are policies, by their labels.
EXPERIMENT: Final = "explore"
#: What ranks where the default needs a model and there is none.
FORMULA: Final = "ces_folk"


@dataclass(frozen=True, slots=True)
class InUse:
    """What ranks explore as things stand."""

    default: FeedPolicy
    is_compared: bool  #: whether the experiment runs
    read_at: float


_kept: list[InUse] = []


def in_use() -> InUse:
    """Return what is in use, read at most ``FEED_CACHE_SECONDS`` ago."""
    now = time.monotonic()
    if not _kept or now - _kept[0].read_at >= settings.FEED_CACHE_SECONDS:
        runs = Experiment.objects.filter(key=EXPERIMENT, state=State.RUNNING)
        rows = RankingPolicy.objects.annotate(is_compared=Exists(runs)).filter(is_default=True)
        found: Any = rows.first()
        default = as_policy(found) if found is not None else PLAIN
        _kept[:] = [InUse(default, found is not None and found.is_compared, now)]
    return _kept[0]


def forget() -> None:
    """Read anew what is in use when it is next asked for."""
    _kept.clear()


def as_policy(row: RankingPolicy) -> FeedPolicy:
    """Return a policy as the ranking takes it."""
    return FeedPolicy(
        name=row.name,
        version=row.version,
        since=row.since,
        surfaces=(Surface.EXPLORE.value,),
        words=row.words,
        depth=row.depth,
        **row.numbers,
    )


def for_viewer(viewer: Viewer, *, at: datetime) -> FeedPolicy:
    """Return what ranks for somebody: the arm they are in, of which is logged that they saw it.

    Where an arm names no policy, or one that has nothing learned to go by, it is the default.
    """
    found = in_use()
    if not found.is_compared or viewer == Viewer():
        return usable(found.default)
    arm = running.expose(
        key=EXPERIMENT,
        person_id=viewer.person_id,
        visitor_id=viewer.visitor_id,
        population=_population_of(viewer),
        at=at,
    )
    if arm is None:
        return usable(found.default)
    try:
        return usable(named(arm))
    except NotFound:
        return usable(found.default)


def named(label: str) -> FeedPolicy:
    """Return the policy of this name and version.

    Raises:
        NotFound: there is none.
    """
    name, _, version = label.rpartition("_v")
    if not version.isdecimal():
        raise NotFound
    row = RankingPolicy.objects.filter(name=name, version=int(version)).first()
    if row is None:
        raise NotFound
    return as_policy(row)


def usable(policy: FeedPolicy) -> FeedPolicy:
    """Return the policy, or a formula where it needs a model and none has earned its place.

    The formula is the default, or, where that is what needs a model, the last of ``FORMULA``.
    """
    if not policy.is_learned or model() is not None:
        return policy
    default = in_use().default
    if not default.is_learned:
        return default
    last = RankingPolicy.objects.filter(name=FORMULA).order_by("-version").first()
    return as_policy(last) if last is not None else PLAIN


def model() -> LearnedModel | None:
    """Return the model in use: the last that was learned, if it earned its place."""
    last = LearnedModel.objects.order_by("-learned_at", "-pk").first()
    return last if last is not None and last.is_used else None


def active() -> list[Policy]:
    """Return what explore may be ranked by now: the default first, then what it is compared to."""
    found = in_use()
    labels: list[str] = []
    if found.is_compared:
        arms = Experiment.objects.filter(key=EXPERIMENT, state=State.RUNNING)
        labels = list(arms.order_by("arms__pk").values_list("arms__key", flat=True))
    rows = {row.label: as_policy(row) for row in RankingPolicy.objects.all()}
    compared = [rows[label] for label in labels if label in rows]
    return [found.default, *(each for each in compared if each.label != found.default.label)]


def _population_of(viewer: Viewer) -> str:
    if viewer.person_id is None:
        return Population.REAL
    return User.objects.values_list("population", flat=True).get(pk=viewer.person_id)
