"""What rules a note breaks as it is, and what makes it look like a covert advertisement."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from notes.integrity import brands, likeness
from notes.integrity.points import Limit
from notes.integrity.rules import Kind, Outcome, Rule, broken_by, of_kind
from notes.models import BlockedPicture, Note, NoteLikeness, NoteMedia
from notes.states import NoteState
from redshop.core.db import requires_transaction
from redshop.core.populations import Population

DAY: Final = timedelta(days=1)

#: Published notes of others that share a band.
_ALIKE: Final = """
SELECT likeness.note_id, likeness.{column}
FROM notes_notelikeness AS likeness JOIN notes_note AS note ON note.id = likeness.note_id
WHERE likeness.{bands} && %(bands)s::int[] AND note.author_id <> %(author_id)s
  AND note.state = 'published'
ORDER BY likeness.note_id LIMIT 200
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a note breaks: what of it says so, and how to mend it."""

    rule: str
    version: int
    outcome: str
    says: str
    remedy: str
    because: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def check(note: Note, *, is_commercial: bool, at: datetime) -> list[Finding]:
    """Return the rules that a note breaks as it is saved, those that refuse it first.

    What simulated people write comes from a grammar and is not held against likeness.
    """
    found = list(_broken(note, is_commercial=is_commercial, at=at))
    return sorted(found, key=lambda finding: finding.outcome != Outcome.REFUSE)


def _broken(note: Note, *, is_commercial: bool, at: datetime) -> Iterator[Finding]:
    for rule, because in broken_by(note.title, note.body, is_commercial=is_commercial):
        yield _finding(rule, because)
    if note.population == Population.REAL:
        yield from _alike(note)
        yield from _hasty(note, at=at)
    if note.brand_id is not None and is_commercial:
        yield from _of_brand(note)


def _finding(rule: Rule, because: str) -> Finding:
    return Finding(rule.key, rule.version, rule.outcome, rule.says, rule.remedy, because)


def _alike(note: Note) -> Iterator[Finding]:
    made = _likeness_of(note)
    if made.pictures:
        blocked = BlockedPicture.objects.values_list("fingerprint", flat=True)
        if any(_is_near(made.pictures, each) for each in blocked):
            yield from (_finding(rule, "media") for rule in of_kind(Kind.PICTURE))
    for rule in of_kind(Kind.LIKENESS):
        for note_id, values in _sharing(note, "signature", "bands", made.bands):
            if likeness.similarity(made.signature, values) >= rule.at_least:
                yield _finding(rule, f"note {note_id}")
                break
    for rule in of_kind(Kind.PICTURE_LIKENESS):
        for note_id, pictures in _sharing(note, "pictures", "picture_bands", made.picture_bands):
            if any(_is_near(made.pictures, each) for each in pictures):
                yield _finding(rule, f"note {note_id}")
                break


def _sharing(
    note: Note, column: str, bands: str, wanted: Sequence[int]
) -> list[tuple[int, list[int]]]:
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _ALIKE.format(column=column, bands=bands),
            {"bands": list(wanted), "author_id": note.author_id},
        )
        return list(cursor.fetchall())


def _is_near(pictures: Sequence[int], other: int) -> bool:
    return any(likeness.distance(each, other) <= likeness.MOST_BITS for each in pictures)


def _hasty(note: Note, *, at: datetime) -> Iterator[Finding]:
    for rule in of_kind(Kind.BEHAVIOUR):
        lately = Note.objects.filter(author=note.author_id, published_at__gt=at - DAY)
        if lately.count() >= rule.most_a_day:
            yield _finding(rule, f"{rule.most_a_day} notes in a day")


def _of_brand(note: Note) -> Iterator[Finding]:
    points = brands.standing_of(note.brand_id) if note.brand_id else 0
    if points >= Limit.REVIEWED:
        yield Finding(
            "brand_points",
            1,
            Outcome.REVIEW,
            f"The brand has {points} points for notes that were taken down.",
            "Wait until somebody has looked; points go with time.",
            f"{points} points",
        )


@requires_transaction
def remember(note: Note) -> None:
    """Keep what a published note is recognised by."""
    if note.state == NoteState.PUBLISHED and note.population == Population.REAL:
        _likeness_of(note).save()


def _likeness_of(note: Note) -> NoteLikeness:
    values = likeness.signature(f"{note.title}\n{note.body}")
    shown = NoteMedia.objects.filter(note=note).values_list("media__fingerprint", flat=True)
    pictures = [value for value in shown if value is not None]
    return NoteLikeness(
        note=note,
        signature=[] if values is None else [int(value) for value in values],
        bands=[] if values is None else likeness.bands(values),
        pictures=pictures,
        picture_bands=[band for each in pictures for band in likeness.picture_bands(each)],
    )
