"""Search over notes: found by words, ranked by BM25, kept and explained like a feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import numpy as np

from notes.discovery import hits, profiles, snapshots
from notes.discovery.bm25 import bm25f, inverse_document_frequency
from notes.discovery.hits import Hits
from notes.discovery.policies import (
    EXPLORE,
    SEARCH,
    SEARCH_NEWEST,
    SEARCH_POPULAR,
    Policy,
    SearchPolicy,
)
from notes.discovery.profiles import Profile
from notes.discovery.ranking import (
    Bools,
    Floats,
    Ints,
    best,
    combine,
    engagement,
    freshness,
    recency,
    weighted_interactions,
)
from notes.discovery.reasons import Kept
from notes.discovery.snapshots import Answer, Ledger
from notes.discovery.text import terms, tokenise
from notes.discovery.types import RankedPage, Viewer
from redshop.core.ids import uuid7
from redshop.events.kinds import Surface

PAGE: Final = 20
SURFACES: Final = (Surface.SEARCH.value,)
#: How many of the words that match are named in the reason.
NAMED_WORDS: Final = 3


class Sort(StrEnum):
    RELEVANCE = "relevance"
    NEWEST = "newest"
    POPULAR = "popular"


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


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Scores of all hits of a query, the same for everyone."""

    hits: Hits
    features: dict[str, Floats]
    weights: dict[str, float]
    scores: Floats
    matches: Bools  #: bool[n, terms]
    tie_break: Ints


def search_notes(
    *,
    query: str,
    viewer: Viewer,
    at: datetime,
    limit: int = PAGE,
    type_: str = "",
    sort: Sort = Sort.RELEVANCE,
) -> RankedPage:
    """Find notes with words of the query, keep the answer and return its first page."""
    return search_many(asks=[Ask(viewer, query, type_, sort)], at=at, limit=limit, keep=True)[0]


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
                ledger=_ledger(ranked[key], profile, depth=depth),
            )
        )
    if keep:
        snapshots.keep(answers, at=at)
    return [answer.page(size=limit, is_kept=keep) for answer in answers]


def _rank(ask: Ask, *, at: datetime, policy: SearchPolicy) -> _Ranked:
    """Score what is found; a query without a single word finds nothing."""
    found = hits.load(terms=terms(tokenise(ask.query)), type_=ask.type, at=at, policy=policy)
    match = relevance(found, policy=policy)
    features, weights = _features(found, match.sum(axis=1), sort=ask.sort, at=at, policy=policy)
    return _Ranked(
        hits=found,
        features=features,
        weights=weights,
        scores=combine(features, {}, weights=weights),
        matches=match > 0,
        tie_break=recency(found.published_at, found.note_ids),
    )


def relevance(found: Hits, *, policy: SearchPolicy) -> Floats:
    """Return float64[n, terms]: what each word contributes to each note's match."""
    return bm25f(
        occurrences=found.occurrences,
        lengths=found.lengths,
        typical_lengths=np.array(
            [policy.typical_title, policy.typical_tags, policy.typical_body], dtype=float
        ),
        field_weights=np.array([policy.title, policy.tags, policy.body], dtype=float),
        rarity=inverse_document_frequency(containing=found.containing, documents=found.documents),
        k1=policy.k1,
        b=policy.b,
    )


def _features(
    found: Hits, match: Floats, *, sort: Sort, at: datetime, policy: SearchPolicy
) -> tuple[dict[str, Floats], dict[str, float]]:
    match sort:
        case Sort.NEWEST:
            return {"published_at": found.published_at}, {"published_at": 1.0}
        case Sort.POPULAR:
            weighted = weighted_interactions(found.interactions, policy=EXPLORE)
            return {"interactions": weighted}, {"interactions": 1.0}
    features = {
        "match": match,
        "engagement": engagement(found.interactions, policy=EXPLORE),
        "freshness": freshness(
            found.published_at, at=at.timestamp(), half_life_hours=policy.half_life_hours
        ),
    }
    return features, {
        "match": 1.0,
        "engagement": policy.engagement,
        "freshness": policy.freshness,
    }


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
        features={name: v[chosen].round(6).tolist() for name, v in ranked.features.items()},
    )


def _reasons(ranked: _Ranked, chosen: Ints) -> list[list[Kept]]:
    words = ranked.hits.terms
    return [
        [
            (
                "match",
                ", ".join([words[place] for place in np.flatnonzero(row).tolist()][:NAMED_WORDS]),
            )
        ]
        for row in ranked.matches[chosen]
    ]
