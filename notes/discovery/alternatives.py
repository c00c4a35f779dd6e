"""Which note of each group of alternatives a viewer is offered, and which they are not."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from notes.discovery.types import Viewer
from notes.models import Alternative
from redshop.experiments import assignment
from redshop.experiments.assignment import Choice

#: Chances are told in millionths.
WHOLE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Group:
    """Notes of which somebody is offered one, in an epoch."""

    name: str
    epoch: int
    chances: Mapping[int, int]  #: millionths by note

    def offered_to(self, viewer: Viewer) -> int:
        """Return the note that somebody is offered; of nobody in particular, the likeliest."""
        choices = [Choice(note_id, chance) for note_id, chance in sorted(self.chances.items())]
        if viewer == Viewer():
            return max(choices, key=lambda choice: (choice.weight, -choice.arm_id)).arm_id
        unit = assignment.unit_of(person_id=viewer.person_id, visitor_id=viewer.visitor_id)
        return assignment.choose(choices, salt=f"{self.name}:{self.epoch}", unit=unit)


@dataclass(slots=True)
class _Kept:
    groups: Sequence[Group] = ()
    read_at: float = -1e9


_kept: Final = _Kept()


def groups() -> Sequence[Group]:
    """Return the groups that there are, read at most ``FEED_CACHE_SECONDS`` ago."""
    now = time.monotonic()
    if now - _kept.read_at >= settings.FEED_CACHE_SECONDS:
        _kept.groups, _kept.read_at = _read(), now
    return _kept.groups


def not_offered_to(viewer: Viewer) -> list[int]:
    """Return the notes that somebody is not offered in explore, since an alternative is."""
    return [
        note_id
        for group in groups()
        for offered in [group.offered_to(viewer)]
        for note_id in group.chances
        if note_id != offered
    ]


def _read() -> list[Group]:
    by_group: dict[tuple[str, int], dict[int, int]] = {}
    rows = Alternative.objects.filter(note__state="published")
    for note_id, name, epoch, chance in rows.values_list("pk", "group", "epoch", "propensity"):
        by_group.setdefault((name, epoch), {})[note_id] = round(chance * WHOLE)
    return [
        Group(name, epoch, chances)
        for (name, epoch), chances in sorted(by_group.items())
        if len(chances) > 1 and any(chances.values())
    ]
