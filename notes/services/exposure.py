"""The exposure pool: places that new notes are given to be seen in, and why that ends.

A new note is granted 100 impressions. A note of a small creator that is opened as often as other
new notes goes on, with three times as many, twice; others have their followers by then. Each step
is a row of the ledger (``models.ExposureGrant``), with its numbers and its reason.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import sqrt
from typing import Final

from django.db import connection, transaction
from django.db.models import Sum

from notes.integrity.points import Limit
from notes.models import ExposureGrant, LargeCreator
from redshop.core.db import requires_transaction

#: Who has as many followers is no small creator any more.
LARGE: Final = 1_000
#: A note is new for so many days, and is given places for so many.
NEW, LONGEST = timedelta(days=7), timedelta(days=14)
FIRST_GRANT, FACTOR, STAGES = 100, 3, 3
#: So many grants are decided at a time.
CHUNK: Final = 5_000
#: What is usual is taken from the grants of so many days.
USUAL: Final = timedelta(days=14)
Z95: Final = 1.959964
Outcome = ExposureGrant.Outcome

_GRANT: Final = """
INSERT INTO notes_exposuregrant (note_id, stage, granted, is_small_creator, granted_at,
                                 impressions, opens, outcome, reason)
SELECT note.id, 1, %(granted)s, large.author_id IS NULL, %(at)s, 0, 0, 'running', ''
FROM notes_note AS note LEFT JOIN notes_largecreator AS large ON large.author_id = note.author_id
WHERE note.state = 'published' AND note.published_at > %(since)s AND note.published_at <= %(at)s
  AND NOT note.is_sponsored
  AND NOT EXISTS (SELECT FROM notes_brandstanding AS standing
                  WHERE standing.brand_id = note.brand_id AND standing.points >= %(most_points)s)
  AND NOT EXISTS (SELECT FROM notes_exposuregrant AS given WHERE given.note_id = note.id)
ORDER BY note.id
ON CONFLICT DO NOTHING
"""
_COUNT: Final = """
UPDATE notes_exposuregrant AS given SET impressions = seen.impressions, opens = seen.opens
FROM (
    SELECT given.id,
           count(*) FILTER (WHERE event.kind = 'impression') AS impressions,
           count(DISTINCT coalesce(event.person_id::text, event.visitor_id::text))
               FILTER (WHERE event.kind = 'note_open') AS opens
    FROM notes_exposuregrant AS given
    JOIN events_event AS event ON event.note_id = given.note_id
    WHERE given.outcome = 'running' AND event.kind IN ('impression', 'note_open')
      AND event.occurred_at > given.granted_at AND event.occurred_at <= %(at)s
      AND event.suspicion = ''
    GROUP BY given.id
) AS seen
WHERE given.id = seen.id AND given.outcome = 'running'
  AND (given.impressions, given.opens) <> (seen.impressions, seen.opens)
"""
#: The running grants of which something is to be decided, with when their notes were published.
_DUE: Final = """
SELECT given.id, CASE WHEN note.state = 'published' THEN note.published_at END
FROM notes_exposuregrant AS given LEFT JOIN notes_note AS note ON note.id = given.note_id
WHERE given.outcome = 'running'
  AND (given.impressions >= given.granted OR note.state IS DISTINCT FROM 'published'
       OR note.published_at <= %(since)s)
"""
_LARGE: Final = """
INSERT INTO notes_largecreator (author_id, followers, counted_at)
SELECT followed_id, count(*), %(at)s FROM accounts_follow
GROUP BY followed_id HAVING count(*) >= %(large)s
ON CONFLICT (author_id) DO UPDATE
SET followers = excluded.followers, counted_at = excluded.counted_at
"""


@transaction.atomic(durable=True)
def share(*, at: datetime) -> int:
    """Let new notes into the pool, count what was shown of those in it, and decide who goes on.

    Returns how many grants were decided. Locks: the running grants.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _GRANT,
            {
                "granted": FIRST_GRANT,
                "since": at - NEW,
                "at": at,
                "most_points": Limit.NO_START,
            },
        )
        cursor.execute(_COUNT, {"at": at})
    return _decide(at)


@transaction.atomic(durable=True)
def count_large_creators(*, at: datetime) -> int:
    """Count anew whom a thousand people or more follow; return how many there are."""
    with connection.cursor() as cursor:
        cursor.execute(_LARGE, {"at": at, "large": LARGE})
    LargeCreator.objects.filter(counted_at__lt=at).delete()
    return LargeCreator.objects.count()


@requires_transaction
def _decide(at: datetime) -> int:
    """Decide what is due, some thousands at a time: in a large pool most of it is not."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"since": at - LONGEST})
        published: dict[int, datetime | None] = dict(cursor.fetchall())
    usual, ids = usual_rate(at), sorted(published)
    decided = 0
    for start in range(0, len(ids), CHUNK):
        rows = ExposureGrant.objects.filter(pk__in=ids[start : start + CHUNK])
        grants = list(rows.order_by("pk").select_for_update(no_key=True))
        for grant in grants:
            grant.outcome, grant.reason = _outcome(grant, published[grant.pk], usual, at)
            grant.usual_rate, grant.decided_at = usual, at
        ExposureGrant.objects.bulk_update(
            grants, ["outcome", "reason", "usual_rate", "decided_at"], batch_size=500
        )
        ExposureGrant.objects.bulk_create(_next_stages(grants, at), ignore_conflicts=True)
        decided += len(grants)
    return decided


def usual_rate(at: datetime) -> float:
    """Return how many people open an impression of notes in the pool, of late."""
    shown = ExposureGrant.objects.filter(granted_at__gt=at - USUAL).aggregate(
        opens=Sum("opens", default=0), impressions=Sum("impressions", default=0)
    )
    return float(shown["opens"] / shown["impressions"]) if shown["impressions"] else 0.0


def _outcome(
    grant: ExposureGrant, published_at: datetime | None, usual: float, at: datetime
) -> tuple[str, str]:
    """Return what becomes of a grant, and why."""
    told = f"{grant.opens} people opened it at {grant.impressions} impressions"
    if published_at is None:
        return Outcome.GONE, "It is no longer published."
    if grant.impressions < grant.granted:
        return Outcome.EXPIRED, f"{told} in {LONGEST.days} days; {grant.granted} were granted."
    usually = f"{usual:.1%} is usual for new notes"
    if at_most(grant.opens, grant.impressions) < usual:
        return Outcome.STOPPED, f"{told}; {usually}."
    if grant.stage >= STAGES or not grant.is_small_creator:
        why = "the last stage" if grant.stage >= STAGES else "its author has followers"
        return Outcome.FOUND, f"{told}; {usually}; {why}."
    return Outcome.GOES_ON, f"{told}; {usually}."


def at_most(opens: int, impressions: int) -> float:
    """Return the upper end of the 95 % interval of a rate (Wilson 1927)."""
    rate = min(opens / impressions, 1.0)
    z2 = Z95**2 / impressions
    spread = Z95 * sqrt((rate * (1.0 - rate) + z2 / 4.0) / impressions)
    return min((rate + z2 / 2.0 + spread) / (1.0 + z2), 1.0)


def _next_stages(decided: Iterable[ExposureGrant], at: datetime) -> list[ExposureGrant]:
    return [
        ExposureGrant(
            note_id=grant.note_id,
            stage=grant.stage + 1,
            granted=grant.granted * FACTOR,
            is_small_creator=grant.is_small_creator,
            granted_at=at,
        )
        for grant in decided
        if grant.outcome == Outcome.GOES_ON
    ]
