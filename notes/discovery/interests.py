"""A person's interest in topics, from what they lately did and from their preference dials."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from notes.discovery.policies import INTERESTS, InterestPolicy
from redshop.accounts.models import Dial
from redshop.events.kinds import EventKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Deeds:
    """All that a person lately did of one kind, by note; arrays of one length."""

    kind: str
    note_ids: Ints
    times: Floats
    last_at: Floats  #: seconds since 1970
    topics: Sequence[str]  #: of each note, slugs with commas between; "" for impressions
    author_ids: Ints  #: of what was on the screen in this session; else 0


@dataclass(frozen=True, slots=True)
class Interests:
    """Interest by topic, 0 to 1; ``other`` is what a topic has that is not named."""

    by_topic: Mapping[str, float]
    other: float

    def of(self, topics: Sequence[str]) -> Floats:
        """Return float64[topics]."""
        return np.array([self.by_topic.get(topic, self.other) for topic in topics], dtype=float)

    def strongest(self, *, threshold: float, limit: int) -> list[str]:
        """Return the topics of at least this interest, strongest first."""
        kept = [(-weight, topic) for topic, weight in self.by_topic.items() if weight >= threshold]
        return [topic for _, topic in sorted(kept)[:limit]]


def topic_weights(
    *,
    strengths: Floats,
    ages: Floats,
    pair_behaviour: Ints,
    pair_topic: Ints,
    dials: Floats,
    policy: InterestPolicy = INTERESTS,
) -> Floats:
    """Return float64[topics] in 0..1: decayed behaviour plus a prior, times the dial, saturated.

    Args:
        strengths: float64[behaviours], what each is worth when fresh.
        ages: float64[behaviours], days.
        pair_behaviour, pair_topic: int64[pairs], which behaviour concerned which topic.
        dials: float64[topics], the factor of each topic's dial.
    """
    decayed = strengths * np.exp2(-ages / policy.half_life_days)
    summed = np.bincount(pair_topic, weights=decayed[pair_behaviour], minlength=len(dials))
    raw = np.maximum(policy.prior + summed, 0.0) * dials
    return np.asarray(raw / (raw + policy.half))


def interests_of(
    *,
    history: Sequence[Deeds],
    dials: Mapping[str, str],
    at: datetime,
    policy: InterestPolicy = INTERESTS,
) -> Interests:
    """Return a person's interests at ``at``."""
    telling = [deeds for deeds in history if deeds.kind != EventKind.IMPRESSION]
    slugs = [each.split(",") if each else [] for deeds in telling for each in deeds.topics]
    topics = sorted({*dials, *(slug for each in slugs for slug in each)})
    index = {topic: place for place, topic in enumerate(topics)}
    pairs = [(place, index[slug]) for place, each in enumerate(slugs) for slug in each]
    pair_behaviour, pair_topic = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    weights = topic_weights(
        strengths=_joined(getattr(policy, deeds.kind) * deeds.times for deeds in telling),
        ages=_joined((at.timestamp() - deeds.last_at) / DAY for deeds in telling),
        pair_behaviour=pair_behaviour,
        pair_topic=pair_topic,
        dials=np.array([_factor(dials.get(topic), policy) for topic in topics], dtype=float),
        policy=policy,
    )
    other = policy.prior / (policy.prior + policy.half)
    return Interests(by_topic=dict(zip(topics, weights.tolist(), strict=True)), other=other)


def _joined(parts: Iterable[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *parts])


def _factor(dial: str | None, policy: InterestPolicy) -> float:
    return {Dial.REDUCE.value: policy.reduce, Dial.INCREASE.value: policy.increase}.get(
        dial or "", 1.0
    )


_KINDS: Final = [
    EventKind.IMPRESSION.value,
    EventKind.NOTE_OPEN.value,
    EventKind.READ.value,
    EventKind.LIKE.value,
    EventKind.SAVE.value,
    EventKind.COMMENT.value,
    EventKind.SHARE.value,
    EventKind.HIDE.value,
]

_HISTORIES: Final = """
SELECT person_id, kind,
       array_agg(note_id ORDER BY note_id), array_agg(times ORDER BY note_id),
       array_agg(last_at ORDER BY note_id), array_agg(
    CASE WHEN kind = 'impression' THEN '' ELSE coalesce((
        SELECT string_agg(topic.slug, ',' ORDER BY topic.slug) FROM notes_note_topics link
        JOIN notes_topic topic ON topic.id = link.topic_id
        WHERE link.note_id = happened.note_id
    ), '') END
    ORDER BY note_id
), array_agg(
    CASE WHEN kind = 'impression' AND last_at > %(session_since)s THEN coalesce((
        SELECT author_id FROM notes_note WHERE id = happened.note_id
    ), 0) ELSE 0 END
    ORDER BY note_id
)
FROM (
    SELECT person_id, note_id, kind, count(*)::float8 AS times,
           extract(epoch FROM max(occurred_at))::float8 AS last_at
    FROM events_event
    WHERE person_id = ANY(%(people)s) AND note_id IS NOT NULL AND kind = ANY(%(kinds)s)
      AND occurred_at > %(since)s AND occurred_at <= %(until)s
      AND (kind <> 'impression' OR occurred_at > %(seen_since)s) AND suspicion = ''
    GROUP BY person_id, note_id, kind
) happened
GROUP BY person_id, kind ORDER BY person_id, kind
"""


def histories_of(
    *,
    person_ids: Sequence[int],
    at: datetime,
    seen_days: int,
    session_minutes: int,
    policy: InterestPolicy = INTERESTS,
) -> dict[int, list[Deeds]]:
    """Return what each person lately did with notes; one query for all of them."""
    found: dict[int, list[Deeds]] = {person_id: [] for person_id in person_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            _HISTORIES,
            {
                "people": list(person_ids),
                "kinds": _KINDS,
                "since": at - timedelta(days=policy.days),
                "until": at,
                "seen_since": at - timedelta(days=seen_days),
                "session_since": (at - timedelta(minutes=session_minutes)).timestamp(),
            },
        )
        for person_id, kind, note_ids, times, last_at, topics, author_ids in cursor:
            found[person_id].append(
                Deeds(
                    kind,
                    np.array(note_ids),
                    np.array(times),
                    np.array(last_at),
                    topics,
                    np.array(author_ids),
                )
            )
    return found
