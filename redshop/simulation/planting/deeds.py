"""What people did with notes and with each other as rows: follows, reactions, comments, counts."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from notes.models import Comment
from notes.services import counts, history
from redshop.accounts.services import follows
from redshop.core.db import requires_transaction
from redshop.events.kinds import EventKind
from redshop.simulation.arrays.log import Seen
from redshop.simulation.arrays.replication import Lived
from redshop.simulation.content import write_comment
from redshop.simulation.life import Life
from redshop.simulation.planting.happening import Happened, first_follows
from redshop.simulation.planting.naming import moments
from redshop.simulation.population import language_of
from redshop.simulation.streams import stream
from redshop.simulation.types import Ints

#: Whom people follow before the first day they follow since so many days before it.
BEFORE: Final = 0.5
_REACTIONS: Final = (EventKind.LIKE, EventKind.SAVE, EventKind.SHARE, EventKind.FOLLOW)


@requires_transaction
def plant_deeds(
    life: Life, lived: Lived, seen: Seen, done: Mapping[EventKind, Happened], note_ids: Ints
) -> None:
    """Write follows, reactions and comments, and count them.

    Args:
        note_ids: int64[notes], the row of each note.
    """
    accounts = np.array(life.residents.everybody)
    since = life.run.since_at
    person, followed = first_follows(lived)
    follows.import_follows(
        followers=accounts[person],
        followed=accounts[followed],
        at=moments(since, np.full(len(person), -BEFORE)),
    )
    for kind in _REACTIONS:
        rows, at = done[kind].rows, moments(since, done[kind].days)
        people, notes = accounts[seen.person[rows]], note_ids[seen.note[rows]]
        if kind == EventKind.FOLLOW:
            authors = accounts[lived.arm.notes.author[seen.note[rows]]]
            follows.import_follows(followers=people, followed=authors, at=at)
        history.import_reactions(kind, people=people, notes=notes, at=at)
    history.import_comments(_comments(life, seen, done[EventKind.COMMENT], note_ids))
    counts.count(note_ids[note_ids > 0].tolist())


def _comments(life: Life, seen: Seen, done: Happened, note_ids: Ints) -> list[Comment]:
    at = moments(life.run.since_at, done.days).tolist()
    return [
        Comment(
            note_id=int(note_ids[seen.note[row]]),
            author_id=life.residents.person_ids[seen.person[row]],
            body=write_comment(
                language=language_of(life.people, int(seen.person[row])),
                rng=stream(seed=life.seed, purpose="planted comment", person=number),
            ),
            created_at=moment.replace(tzinfo=life.run.since_at.tzinfo),
        )
        for number, (row, moment) in enumerate(zip(done.rows, at, strict=True))
    ]
