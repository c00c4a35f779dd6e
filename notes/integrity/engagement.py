"""Likes that are not people's: bursts of new accounts, and rings that like the same notes.

What is found is marked, never deleted, and left out of counters, on which ranking and charts rest,
and, as an event, of all that is counted from the log.
Marks err on the side of people: both rules ask for several things at once. Simulated people are not
looked at.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from notes.integrity import audit
from notes.models import Like
from notes.services import counts
from redshop.events.kinds import EventKind
from redshop.events.services import suspecting
from redshop.events.services.suspecting import Deed

#: Likes of so long are looked at together.
WINDOW: Final = timedelta(days=2)
#: A burst: so many likes of a note within so long, of which this share are of accounts so young.
BURST_LIKES: Final = 20
BURST_WITHIN: Final = timedelta(minutes=10)
BURST_SHARE: Final = 0.8
YOUNG: Final = timedelta(days=7)
#: A ring: so many people or more, each of whom shares so many liked notes with another of them, and
#: this much of all that either liked.
RING_PEOPLE: Final = 5
RING_NOTES: Final = 5
RING_OVERLAP: Final = 0.8
#: A note that more people liked in the window tells nothing about who belongs together.
MOST_LIKED: Final = 200

_BURSTS: Final = """
WITH lately AS (
    SELECT given.id, given.note_id, given.created_at,
           given.created_at - person.joined_at < %(young)s AS is_young
    FROM notes_like AS given JOIN accounts_user AS person ON person.id = given.person_id
    WHERE given.created_at > %(since)s AND given.created_at <= %(at)s
      AND person.population = 'real'
),
counted AS (
    SELECT note_id, created_at, count(*) OVER near AS likes,
           avg(is_young::int) OVER near AS young
    FROM lately
    WINDOW near AS (PARTITION BY note_id ORDER BY created_at
                    RANGE BETWEEN %(within)s PRECEDING AND CURRENT ROW)
)
SELECT DISTINCT lately.id
FROM lately JOIN counted
  ON counted.note_id = lately.note_id AND counted.likes >= %(likes)s AND counted.young >= %(share)s
 AND lately.created_at BETWEEN counted.created_at - %(within)s AND counted.created_at
WHERE lately.is_young
"""
_PAIRS: Final = """
WITH lately AS (
    SELECT given.person_id, given.note_id
    FROM notes_like AS given JOIN accounts_user AS person ON person.id = given.person_id
    WHERE given.created_at > %(since)s AND given.created_at <= %(at)s
      AND person.population = 'real'
),
telling AS (
    SELECT note_id FROM lately GROUP BY note_id HAVING count(*) BETWEEN 2 AND %(most)s
),
sizes AS (SELECT person_id, count(*) AS notes FROM lately GROUP BY person_id)
SELECT one.person_id, other.person_id
FROM lately AS one
JOIN telling USING (note_id)
JOIN lately AS other ON other.note_id = one.note_id AND other.person_id > one.person_id
JOIN sizes AS ones ON ones.person_id = one.person_id
JOIN sizes AS others ON others.person_id = other.person_id
GROUP BY one.person_id, other.person_id, ones.notes, others.notes
HAVING count(*) >= %(notes)s
   AND count(*) >= %(overlap)s * (ones.notes + others.notes - count(*))
"""


def mark(*, at: datetime) -> int:
    """Mark the likes of bursts and rings of the last two days; return how many were new.

    Locks: the counts of the notes concerned.
    """
    marked = _mark_likes(_bursts(at), rule="burst", at=at)
    return marked + _mark_likes(_of_rings(at), rule="ring", at=at)


def _bursts(at: datetime) -> list[int]:
    told: dict[str, Any] = {
        "since": at - WINDOW, "at": at, "young": YOUNG, "within": BURST_WITHIN,
        "likes": BURST_LIKES, "share": BURST_SHARE,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_BURSTS, told)
        return [pk for (pk,) in cursor]


def _of_rings(at: datetime) -> list[int]:
    told: dict[str, Any] = {
        "since": at - WINDOW, "at": at, "most": MOST_LIKED, "notes": RING_NOTES,
        "overlap": RING_OVERLAP,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, told)
        people = {person for ring in rings(cursor.fetchall()) for person in ring}
    likes = Like._default_manager.filter(
        person__in=people, created_at__gt=at - WINDOW, created_at__lte=at
    )
    return list(likes.values_list("pk", flat=True))


def rings(pairs: Iterable[tuple[int, int]]) -> list[frozenset[int]]:
    """Return the groups of people that pairs connect, those that are large enough for a ring."""
    near: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        near[one].add(other)
        near[other].add(one)
    found, seen = [], set[int]()
    for person in sorted(near):
        if person in seen:
            continue
        group, edge = {person}, [person]
        while edge:
            fresh = near[edge.pop()] - group
            group |= fresh
            edge += fresh
        seen |= group
        found.append(frozenset(group))
    return [group for group in found if len(group) >= RING_PEOPLE]


@transaction.atomic(durable=True)
def _mark_likes(like_ids: list[int], *, rule: str, at: datetime) -> int:
    fresh = Like._default_manager.filter(pk__in=like_ids, is_suspect=False)
    deeds = [Deed(*row) for row in fresh.values_list("person_id", "note_id", "created_at")]
    note_ids = sorted({deed.note_id for deed in deeds})
    marked = fresh.update(is_suspect=True)
    if not marked:
        return 0
    suspecting.mark(deeds, kind=EventKind.LIKE, suspicion=rule)
    counts.count(note_ids)
    audit.note_down(
        "likes_marked", subject=rule, actor_id=None, at=at, likes=marked, notes=len(note_ids)
    )
    return marked
