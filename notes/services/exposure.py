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

from notes.models import ExposureGrant, LargeCreator, Note
from redshop.core.db import requires_transaction

#: Who has as many followers is no small creator any more.
LARGE: Final = 1_000
#: A note is new for so many days, and is given places for so many.
NEW, LONGEST = timedelta(days=7), timedelta(days=14)
FIRST_GRANT, FACTOR, STAGES = 100, 3, 3
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
        cursor.execute(_GRANT, {"granted": FIRST_GRANT, "since": at - NEW, "at": at})
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
    running = list(
        ExposureGrant.objects.filter(outcome=Outcome.RUNNING)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    published = dict(
        Note.objects.published()
        .filter(pk__in=[grant.note_id for grant in running])
        .values_list("pk", "published_at")
    )
    usual = usual_rate(at)
    decided: list[ExposureGrant] = []
    for grant in running:
        since = published.get(grant.note_id)
        outcome, reason = _outcome(grant, since, usual, at)
        if outcome != Outcome.RUNNING:
            grant.outcome, grant.reason = outcome, reason
            grant.usual_rate, grant.decided_at = usual, at
            decided.append(grant)
    ExposureGrant.objects.bulk_update(
        decided, ["outcome", "reason", "usual_rate", "decided_at"], batch_size=500
    )
    ExposureGrant.objects.bulk_create(_next_stages(decided, at), ignore_conflicts=True)
    return len(decided)


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
        if at - published_at < LONGEST:
            return Outcome.RUNNING, ""
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
