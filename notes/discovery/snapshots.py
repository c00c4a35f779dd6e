"""Ranked answers that are kept, so that pages never shift and anyone may ask why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

import numpy as np
from django.core import signing

from notes.discovery.ranking.arrays import Floats
from notes.discovery.reasons import Kept, told
from notes.discovery.types import RankedItem, RankedPage, Viewer
from notes.errors import FeedExpired
from notes.models import FeedSnapshot
from notes.selectors import still_visible
from redshop.core.errors import InvalidInput, NotFound

#: How long a next page can be asked for.
LIFETIME: Final = timedelta(hours=1)
#: How long one can ask why, and what was shown can be learned from.
RETENTION: Final = timedelta(days=30)
_SALT: Final = "notes.feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A ranked answer by columns, best first; each score can be recomputed from its row.

    ``score = sum(weights[f] * features[f]) * product(factors)``.
    """

    note_ids: Sequence[int]
    scores: Sequence[float]
    sources: Sequence[str]
    reasons: Sequence[Sequence[Kept]]
    weights: Mapping[str, float] = field(default_factory=dict)
    features: Mapping[str, Floats] = field(default_factory=dict)
    factors: Mapping[str, Floats] = field(default_factory=dict)
    #: What was known of each note, so that another policy can be tried on it.
    signals: Mapping[str, Floats] = field(default_factory=dict)
    #: How chance moved notes: the place of each before, the probability with which it came to
    #: where it is, and whether it was one of those that chance may move.
    chance: Mapping[str, Floats] = field(default_factory=dict)
    window: int = 0  #: between so many notes chance chose
    terms: Sequence[str] = ()  #: that a search was for, as the index knows them

    @classmethod
    def of(cls, snapshot: FeedSnapshot, *, with_numbers: bool = True) -> Self:
        """Read a kept answer, or only what is told of it in words."""
        told_of: dict[str, Any] = dict(snapshot.ledger)
        names = told_of.pop("rows", [])
        if not with_numbers or not names:
            return cls(**told_of)
        matrix = np.frombuffer(snapshot.matrix, dtype=np.float32).reshape(len(names), -1)
        columns: dict[str, Any] = {name: {} for name in _COLUMNS}
        for (kind, name), row in zip(names, matrix.astype(np.float64), strict=True):
            columns[kind][name] = row
        return cls(**told_of, **columns)

    def written(self) -> tuple[dict[str, Any], bytes]:
        """Return what is kept of it: what is told in words, and the numbers by rows."""
        rows = [(kind, name) for kind in _COLUMNS for name in getattr(self, kind)]
        matrix = np.array([getattr(self, kind)[name] for kind, name in rows], dtype=np.float32)
        words = {name: getattr(self, name) for name in Ledger.__slots__ if name not in _COLUMNS}
        return {**words, "rows": rows}, matrix.tobytes()

    def item(self, position: int) -> RankedItem:
        """Return what stands at the position."""
        return RankedItem(
            position=position,
            note_id=self.note_ids[position],
            score=self.scores[position],
            source=self.sources[position],
            reasons=told(self.reasons[position]),
        )


#: The parts of a ledger that are numbers, a row of them by name, and kept as such.
_COLUMNS: Final = ("features", "factors", "signals", "chance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A ranked answer before any of it is served."""

    request_id: UUID
    viewer: Viewer
    surface: str
    policy: str
    ledger: Ledger
    is_personalised: bool = False
    query: str = ""
    corrected_query: str = ""

    def page(self, *, size: int, is_kept: bool) -> RankedPage:
        """Return the first page; only a kept answer has a next one."""
        first = _page(self, ledger=self.ledger, kept=range(len(self.ledger.note_ids)), size=size,
                      is_kept=is_kept)  # fmt: skip
        return replace(first, corrected_query=self.corrected_query)


def keep(answers: Sequence[Answer], *, at: datetime) -> None:
    """Store the answers: one statement."""
    written = [answer.ledger.written() for answer in answers]
    FeedSnapshot.objects.bulk_create(
        FeedSnapshot(
            request_id=answer.request_id,
            person_id=answer.viewer.person_id,
            visitor_id=answer.viewer.visitor_id,
            surface=answer.surface,
            policy=answer.policy,
            is_personalised=answer.is_personalised,
            query=answer.query[:200],
            ledger=words,
            matrix=matrix,
            created_at=at,
        )
        for answer, (words, matrix) in zip(answers, written, strict=True)
    )


def next_page(
    *, cursor: str, viewer: Viewer, at: datetime, size: int, surfaces: Sequence[str]
) -> RankedPage:
    """Return the page that the cursor leads to, without what may no longer be shown.

    Raises:
        InvalidInput: the cursor was not given out here.
        FeedExpired: the answer is older than an hour, or not this viewer's.
    """
    request_id, position = _read(cursor)
    answers = FeedSnapshot.objects.filter(
        pk=request_id, surface__in=surfaces, created_at__gt=at - LIFETIME, **_owned_by(viewer)
    )
    snapshot = answers.defer("matrix").first()
    if snapshot is None:
        raise FeedExpired
    ledger = Ledger.of(snapshot, with_numbers=False)
    kept: list[int] = []
    step = 2 * size
    for start in range(position, len(ledger.note_ids), step):
        chunk = ledger.note_ids[start : start + step]
        visible = still_visible(chunk, person_id=viewer.person_id)
        kept += [place for place, note_id in enumerate(chunk, start) if note_id in visible]
        if len(kept) > size:
            break
    return _page(snapshot, ledger=ledger, kept=kept, size=size, is_kept=True)


def _owned_by(viewer: Viewer) -> dict[str, Any]:
    if viewer.person_id is not None:
        return {"person_id": viewer.person_id}
    return {"person_id": None, "visitor_id": viewer.visitor_id}


def _page(
    answer: Answer | FeedSnapshot, *, ledger: Ledger, kept: Sequence[int], size: int, is_kept: bool
) -> RankedPage:
    served = kept[:size]
    is_last = len(kept) <= size
    follows = served[-1] + 1 if served else 0
    return RankedPage(
        request_id=answer.request_id,
        surface=answer.surface,
        policy=answer.policy,
        is_personalised=answer.is_personalised,
        items=tuple(ledger.item(place) for place in served),
        cursor=None if is_last or not is_kept else _write(answer.request_id, follows),
        caught_up=is_last,
        terms=frozenset(ledger.terms),
    )


def _write(request_id: UUID, position: int) -> str:
    return signing.dumps([str(request_id), position], salt=_SALT)


def _read(cursor: str) -> tuple[UUID, int]:
    try:
        request_id, position = signing.loads(cursor, salt=_SALT)
    except signing.BadSignature as error:
        raise InvalidInput(
            pointer="/cursor", code="invalid", message="This cursor was not given out here."
        ) from error
    return UUID(request_id), position


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How one note came to its place in one answer."""

    request_id: UUID
    surface: str
    policy: str
    is_personalised: bool
    item: RankedItem
    weights: Mapping[str, float]
    features: Mapping[str, float]
    factors: Mapping[str, float]
    propensity: float
    is_explored: bool  #: whether chance might have moved it


def explain(*, request_id: UUID, note_id: int, viewer: Viewer, at: datetime) -> Explanation:
    """Return why the note stood where it did in the viewer's answer; kept for thirty days.

    Raises:
        NotFound: no such answer is kept, it was not this viewer's, or the note was not in it.
    """
    snapshot = FeedSnapshot.objects.filter(
        pk=request_id, created_at__gt=at - RETENTION, **_owned_by(viewer)
    ).first()
    ledger = Ledger.of(snapshot) if snapshot else None
    if snapshot is None or ledger is None or note_id not in ledger.note_ids:
        raise NotFound
    place = ledger.note_ids.index(note_id)
    return Explanation(
        request_id=request_id,
        surface=snapshot.surface,
        policy=snapshot.policy,
        is_personalised=snapshot.is_personalised,
        item=ledger.item(place),
        weights=ledger.weights,
        features=_at(place, ledger.features),
        factors=_at(place, ledger.factors),
        propensity=_at(place, ledger.chance).get("propensity", 1.0),
        is_explored=bool(ledger.window),
    )


def _at(place: int, columns: Mapping[str, Floats]) -> dict[str, float]:
    return {name: round(float(values[place]), 6) for name, values in columns.items()}


def forget(*, at: datetime) -> int:
    """Delete the answers that are past explaining; return how many there were."""
    return FeedSnapshot.objects.filter(created_at__lte=at - RETENTION).delete()[0]
