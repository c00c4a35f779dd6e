"""The counters of notes, compared with the rows that they count."""

from notes.models import Note
from notes.services import counts
from redshop.core.reconciliation import Comparison


def compare() -> Comparison:
    """Compare the counters of each note with its likes, saves, comments, shares and follows."""
    return Comparison(
        scope=f"counters of {Note.objects.count()} notes",
        differences=(
            f"note {found.note_id}: {found.name} says {found.kept}, its rows say {found.counted}"
            for found in counts.compare()
        ),
    )
