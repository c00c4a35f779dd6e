"""Search over notes: found by words, ranked by BM25, kept and explained like a feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import compress
from typing import Final
from uuid import UUID

import numpy as np

from notes.discovery import profiles, snapshots
from notes.discovery.policies import (
    PLAIN,
    SEARCH,
    SEARCH_NEWEST,
    SEARCH_POPULAR,
    Policy,
    SearchPolicy,
)
from notes.discovery.profiles import Profile
from notes.discovery.ranking.arrays import Floats, Ints
from notes.discovery.ranking.features import combine, engagement, freshness, weighted_interactions
from notes.discovery.ranking.order import best, recency
from notes.discovery.reasons import Kept
from notes.discovery.search import hits, meaning
from notes.discovery.search.asking import Asked, understand
from notes.discovery.search.hits import Hits, Sort
from notes.discovery.search.snippets import marked
from notes.discovery.snapshots import Answer, Ledger
from notes.discovery.types import RankedPage, Viewer
from notes.models import PastSearch
from redshop.core.ids import uuid7
from redshop.events.kinds import Surface

PAGE: Final = 20
#: The longest query that is kept.
MOST_QUERY: Final = 200
SURFACES: Final = (Surface.SEARCH.value,)
#: How many of the words that match are named in the reason.
NAMED_WORDS: Final = 3
HOUR: Final = 3_600.0


POLICIES: Final[dict[Sort, Policy]] = {
    Sort.RELEVANCE: SEARCH,
    Sort.NEWEST: SEARCH_NEWEST,
    Sort.POPULAR: SEARCH_POPULAR,
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What one viewer searches for."""

    viewer: Viewer
    query: str
    type: str = ""
    sort: Sort = Sort.RELEVANCE
    source: str = PastSearch.Source.TYPED.value


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Scores of all hits of a query, the same for everyone."""

    asked: Asked
    hits: Hits
    features: dict[str, Floats]
    weights: dict[str, float]
    scores: Floats
    tie_break: Ints


def search_notes(
    *,
    query: str,
    viewer: Viewer,
    at: datetime,
    limit: int = PAGE,
    type_: str = "",
    sort: Sort = Sort.RELEVANCE,
    source: str = PastSearch.Source.TYPED.value,
) -> RankedPage:
    """Find notes with words of the query, keep the answer and return its first page.

    Who may be known by what they do finds it in the list of what they searched for, with where the
    query came from (``source``).
    """
    ask = Ask(viewer, query, type_, sort, source)
    return search_many(asks=[ask], at=at, limit=limit, keep=True)[0]


def next_page(*, cursor: str, viewer: Viewer, at: datetime, limit: int = PAGE) -> RankedPage:
    """Return a further page of a search.

    Raises:
        InvalidInput: the cursor was not given out here.
        FeedExpired: the answer is older than an hour, or not this viewer's.
    """
    return snapshots.next_page(cursor=cursor, viewer=viewer, at=at, size=limit, surfaces=SURFACES)


def search_many(
    *,
    asks: Sequence[Ask],
    at: datetime,
    limit: int = PAGE,
    policy: SearchPolicy = SEARCH,
    keep: bool = False,
    request_ids: Sequence[UUID] | None = None,
) -> list[RankedPage]:
    """Answer each search as ``search_notes`` would; equal queries are looked up once.

    Without ``keep`` nothing is written and pages have no next.
    """
    found = profiles.load_relations(viewers=[ask.viewer for ask in asks])
    ids = request_ids if request_ids is not None else [uuid7(at) for _ in asks]
    depth = policy.depth if keep else limit
    ranked: dict[tuple[str, str, Sort], _Ranked] = {}
    answers = []
    for ask, profile, request_id in zip(asks, found, ids, strict=True):
        key = (ask.query, ask.type, ask.sort)
        if key not in ranked:
            ranked[key] = _rank(ask, at=at, policy=policy)
        answers.append(
            Answer(
                request_id=request_id,
                viewer=ask.viewer,
                surface=Surface.SEARCH.value,
                policy=POLICIES[ask.sort].label if ask.sort != Sort.RELEVANCE else policy.label,
                query=ask.query,
                corrected_query=ranked[key].asked.corrected,
                ledger=_ledger(ranked[key], profile, depth=depth),
            )
        )
    if keep:
        snapshots.keep(answers, at=at)
        _remember(asks, answers, found, at=at)
    return [answer.page(size=limit, is_kept=keep) for answer in answers]


def _remember(
    asks: Sequence[Ask], answers: Sequence[Answer], found: Sequence[Profile], *, at: datetime
) -> None:
    PastSearch.objects.bulk_create(
        PastSearch(
            person_id=ask.viewer.person_id,
            query=ask.query,
            source=ask.source,
            corrected_query=answer.corrected_query[:MOST_QUERY],
            results=len(answer.ledger.note_ids),
            searched_at=at,
        )
        for ask, answer, profile in zip(asks, answers, found, strict=True)
        if ask.viewer.person_id is not None and profile.may_be_remembered
    )


def _rank(ask: Ask, *, at: datetime, policy: SearchPolicy) -> _Ranked:
    """Score what is found; a query without a single word finds nothing."""
    asked = understand(ask.query, policy=policy)
    found = hits.load(asked.found, type_=ask.type, at=at, policy=policy, sort=ask.sort)
    features, weights = _features(found, ask, at=at, policy=policy)
    return _Ranked(
        asked=asked,
        hits=found,
        features=features,
        weights=weights,
        scores=combine(features, {}, weights=weights),
        tie_break=recency(found.published_at, found.note_ids),
    )


def _features(
    found: Hits, ask: Ask, *, at: datetime, policy: SearchPolicy
) -> tuple[dict[str, Floats], dict[str, float]]:
    age_hours = (at.timestamp() - found.published_at) / HOUR
    match ask.sort:
        case Sort.NEWEST:
            return {"age_hours": age_hours}, {"age_hours": -1.0}
        case Sort.POPULAR:
            weighted = weighted_interactions(found.interactions, policy=PLAIN)
            return {"interactions": weighted}, {"interactions": 1.0}
    features = {
        "match": found.match,
        "engagement": engagement(found.interactions, policy=PLAIN),
        "freshness": freshness(age_hours, policy.half_life_hours),
    }
    weights = {"match": 1.0, "engagement": policy.engagement, "freshness": policy.freshness}
    if weight := meaning.weight_for(ask.query, policy):
        weights["meaning"] = weight
        features["meaning"] = meaning.nearness(
            ask.query, note_ids=found.note_ids, match=found.match, policy=policy
        )
    return features, weights


def _ledger(ranked: _Ranked, profile: Profile, *, depth: int) -> Ledger:
    allowed = np.flatnonzero(
        profile.allows(author_ids=ranked.hits.author_ids, note_ids=ranked.hits.note_ids)
    )
    order = best(scores=ranked.scores[allowed], tie_break=ranked.tie_break[allowed], limit=depth)
    chosen = allowed[order]
    return Ledger(
        note_ids=ranked.hits.note_ids[chosen].tolist(),
        scores=ranked.scores[chosen].round(6).tolist(),
        sources=["words"] * len(chosen),
        reasons=_reasons(ranked, chosen),
        weights=ranked.weights,
        features={name: values[chosen] for name, values in ranked.features.items()},
        terms=list(ranked.hits.terms),
    )


def _reasons(ranked: _Ranked, chosen: Ints) -> list[list[Kept]]:
    """Name the words of the query that each note was found by, or what they stood for."""
    asked, terms = ranked.asked, ranked.hits.terms

    @cache
    def named(row: bytes) -> str:
        found = frozenset(compress(terms, np.frombuffer(row, dtype=np.bool_)))
        whole = marked(asked.corrected or asked.query, found)
        pieces = [whole.text[start:end] for start, end in whole.marks]
        others = [asked.labels[term] for term in terms if term in found and term in asked.labels]
        return ", ".join(list(dict.fromkeys(pieces or others))[:NAMED_WORDS])

    return [[("match", named(row.tobytes()))] for row in ranked.hits.has_term[chosen]]
