"""A person's feed by a policy, as the admin shows it: pictures, reasons, the score taken apart."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from notes import selectors
from notes.discovery import choosing, feed
from notes.discovery.policies import FeedPolicy
from notes.discovery.snapshots import Ledger
from notes.discovery.types import Reason, Viewer
from notes.models import RankingPolicy
from notes.types import NoteCard
from redshop.accounts.models import User

#: So many notes are shown of each.
SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """What a feature adds to a score, before the factors."""

    name: str
    value: float
    weight: float
    added: float
    width: float  #: in hundredths of the largest score shown


@dataclass(frozen=True, slots=True)
class Row:
    """A note in its place."""

    position: int
    card: NoteCard
    picture: str
    source: str
    reasons: tuple[Reason, ...]
    score: float
    parts: list[Part]
    factors: list[tuple[str, float]]
    propensity: float
    other: str  #: where the other policy has it


@dataclass(frozen=True, slots=True)
class Column:
    """What one policy shows."""

    policy: FeedPolicy
    is_personalised: bool
    rows: list[Row]


class TrialForm(forms.Form):
    """Whose feed, and by which two policies."""

    person = forms.CharField(
        label="Person", widget=UnfoldAdminTextInputWidget, help_text="A handle."
    )
    left = forms.ChoiceField(label="By", widget=UnfoldAdminSelectWidget)
    right = forms.ChoiceField(label="and by", widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = [row.label for row in RankingPolicy.objects.order_by("-is_default", "-pk")]
        for name, usual in (("left", labels[:1]), ("right", labels[1:2])):
            field = self.fields[name]
            field.choices = [(label, label) for label in labels]  # type: ignore[attr-defined]
            field.initial = usual[0] if usual else None

    def clean_person(self) -> User:
        found = User.objects.filter(handle=self.cleaned_data["person"].lstrip("@")).first()
        if found is None:
            raise forms.ValidationError("Nobody has this handle.")
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for side in ("left", "right"):
            if side in cleaned and _is_without_model(cleaned[side]):
                self.add_error(side, "It needs a learned model, and none is used.")
        return cleaned


def _is_without_model(label: str) -> bool:
    return choosing.named(label).is_learned and choosing.model() is None


def columns(form: TrialForm, *, at: datetime) -> list[Column]:
    """Rank for the person by both policies; nothing is kept and nobody's exposure is logged."""
    viewer = Viewer(person_id=form.cleaned_data["person"].pk)
    ways = [choosing.named(form.cleaned_data[side]) for side in ("left", "right")]
    answers = [
        feed.ranked(viewers=[viewer], at=at, policy=way, request_ids=None)[0] for way in ways
    ]
    ledgers = [answer.ledger for answer in answers]
    ids = {note_id for ledger in ledgers for note_id in ledger.note_ids[:SHOWN]}
    cards = selectors.cards(note_ids=ids, viewer_id=viewer.person_id)
    return [
        Column(way, answer.is_personalised, _rows(answer.ledger, other, cards))
        for way, answer, other in zip(ways, answers, reversed(ledgers), strict=True)
    ]


def _rows(ledger: Ledger, other: Ledger, cards: dict[int, NoteCard]) -> list[Row]:
    elsewhere = {note_id: place for place, note_id in enumerate(other.note_ids)}
    shown = [place for place in range(len(ledger.note_ids[:SHOWN]))
             if ledger.note_ids[place] in cards]  # fmt: skip
    most = max((_added(ledger, place) for place in shown), default=1.0) or 1.0
    rows = []
    for place in shown:
        item, card = ledger.item(place), cards[ledger.note_ids[place]]
        picture = card.media[0].sizes["thumb"].url if card.media and card.media[0].sizes else ""
        there = elsewhere.get(item.note_id)
        rows.append(
            Row(
                position=place + 1,
                card=card,
                picture=picture,
                source=item.source,
                reasons=item.reasons,
                score=item.score,
                parts=_parts(ledger, place, most),
                factors=[
                    (name, float(values[place]))
                    for name, values in ledger.factors.items()
                    if values[place] < 1
                ],
                propensity=float(ledger.chance["propensity"][place]) if ledger.chance else 1.0,
                other="not there" if there is None else f"place {there + 1}",
            )
        )
    return rows


def _added(ledger: Ledger, place: int) -> float:
    return sum(
        ledger.weights[name] * float(values[place]) for name, values in ledger.features.items()
    )


def _parts(ledger: Ledger, place: int, most: float) -> list[Part]:
    parts = []
    for name, values in ledger.features.items():
        value, weight = float(values[place]), ledger.weights[name]
        if added := value * weight:
            parts.append(Part(name, value, weight, added, 100.0 * added / most))
    return sorted(parts, key=lambda part: -part.added)
