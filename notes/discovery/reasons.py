"""Why a note is shown, in a sentence that is true of it."""

from collections.abc import Sequence
from typing import Final

from notes.discovery.types import Reason

TEXTS: Final = {
    "following": "You follow its author",
    "interest": "You read about #{detail}, or asked for more of it",
    "similar": "People who went to notes that you went to went to it",
    "trending": "Many people who read about #{detail} are reading it",
    "content": "It is about what you lately read",
    "newcomer": "It is new here, and is being shown to its first readers",
    "popular": "It is among the most liked, saved and discussed of late",
    "fresh": "It is among the newest",
    "match": "It matches {detail}",
    "same_product": "It shows the same product",
    "same_topic": "It is about #{detail}",
    "same_author": "It is by the same author",
}

#: A reason as it is kept: its code, and what its sentence is about ("" where nothing).
Kept = tuple[str, str]


def told(kept: Sequence[Sequence[str]]) -> tuple[Reason, ...]:
    """Return the kept reasons with their sentences."""
    return tuple(Reason(code, TEXTS[code].format(detail=detail)) for code, detail in kept)
