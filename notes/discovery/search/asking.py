"""What a query asks for: its terms, what means the same, and what was probably meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from django.db import connection

from notes.discovery.policies import SearchPolicy
from notes.discovery.search import vocabulary
from notes.discovery.search.lookup import Found, look_up
from notes.discovery.search.postings import scored
from notes.discovery.search.text import Span, fold, is_cjk, normal, spans, stems, terms, tokenise
from notes.models import Indexed

#: What was typed last is completed from so many letters on, with so many words.
SHORTEST_PREFIX, ENDINGS = 2, 5
#: What both stems of a word count.
ONE_WORD: Final = 2.0
#: A mistyped word may have been one of so many; so many postings tell which.
CANDIDATES, MOST = 5, 500_000
_KNOWN: Final = """
SELECT coalesce((SELECT sum(words_version) FROM notes_searchindex), 0)::bigint,
       (SELECT coalesce(json_agg(words ORDER BY id), '[]') FROM notes_synonym WHERE is_active)
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as it was understood; ``corrected`` is empty where it was taken as typed.

    ``labels`` are the words that terms stand for which were not typed: synonyms and completions.
    """

    query: str
    found: Found
    labels: Mapping[str, str]
    corrected: str = ""


def understand(query: str, *, policy: SearchPolicy, kind: Indexed = Indexed.NOTE) -> Asked:
    """Look the query's words up among texts of a kind, with what means the same.

    A word that nobody wrote is completed if it was typed last, else taken for the nearest one that
    somebody did.
    """
    query = normal(query)
    version, synonyms = _known()
    asked = _asked(query, synonyms, policy)
    found = look_up(kind.value, asked)
    known = {each.term for each in found.postings}
    unknown = [span for span in spans(query) if _is_unknown(span, known)]
    ends = _endings(query, unknown)
    mistyped = unknown[:-1] if ends else unknown
    corrected = _corrected(query, mistyped, found, kind=kind, version=version)
    if corrected != query or ends:
        asked = {
            **{term: policy.completion for word in ends for term in stems(word)},
            **_asked(corrected, synonyms, policy),
            **asked,
        }
        found = look_up(kind.value, asked)
    meant = [*ends, *_same(query, synonyms), *_same(corrected, synonyms)]
    labels = {term: word for word in meant for term in tokenise(word)}
    return Asked(query, found, labels, corrected="" if corrected == query else corrected)


def _asked(query: str, synonyms: Sequence[Sequence[str]], policy: SearchPolicy) -> dict[str, float]:
    """Return what a query asks for, its synonyms included, and how much each term counts."""
    return {**_synonymous(query, synonyms, policy), **terms(tokenise(query))}


def _endings(query: str, unknown: Sequence[Span]) -> list[str]:
    """Return how the word typed last may go on, if nobody wrote it."""
    last = next(reversed(list(spans(query))), None)
    if not unknown or unknown[-1] != last or len(last.folded) < SHORTEST_PREFIX:
        return []
    return vocabulary.endings(last.folded, limit=ENDINGS)


def _corrected(
    query: str, mistyped: Sequence[Span], found: Found, *, kind: Indexed, version: int
) -> str:
    """Return the query with its mistyped words as they were probably meant.

    Of the words that are equally near that one was meant which is found in the best company: the
    one with which the best text matches the rest of the query best.
    """
    if not mistyped:
        return query
    near = [vocabulary.nearest(span.folded, version=version, limit=CANDIDATES) for span in mistyped]
    counts = {term: 1.0 for words in near for word in words for term in stems(word)}
    postings = {each.term: each for each in look_up(kind.value, counts).postings}
    company = list(found.postings)
    meant = []
    for words in near:
        ways = [[postings[term] for term in stems(word) if term in postings] for word in words]
        reach = [scored([*company, *way], most=MOST).max(initial=0) for way in ways]
        chosen = max(range(len(words)), key=lambda n: (reach[n], -n), default=None)
        meant.append("" if chosen is None else words[chosen])
        company += [] if chosen is None else ways[chosen]
    for span, word in reversed(list(zip(mistyped, meant, strict=True))):
        if word:
            query = query[: span.start] + word + query[span.end :]
    return query


def _known() -> tuple[int, Sequence[Sequence[str]]]:
    """Return the vocabulary's version and the words that mean the same."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN)
        version, synonyms = cursor.fetchone()
    return version, synonyms


def _is_unknown(span: Span, known: set[str]) -> bool:
    """Tell whether nobody wrote a word; of Chinese each character is known or not by itself."""
    return not span.is_cjk and span.folded.isalnum() and not known.intersection(stems(span.folded))


def _synonymous(
    query: str, synonyms: Sequence[Sequence[str]], policy: SearchPolicy
) -> dict[str, float]:
    """Return the terms of what means the same as something in the query."""
    return {
        term: weight * policy.synonym
        for word in _same(query, synonyms)
        for term, weight in _as_one_word(word).items()
    }


def _same(query: str, synonyms: Sequence[Sequence[str]]) -> list[str]:
    """Return the words that mean the same as something in the query, that itself included."""
    asked, folded = f" {' '.join(_pieces(query))} ", fold(query)
    same = [words for words in synonyms if any(_is_in(word, asked, folded) for word in words)]
    return [word for words in same for word in words]


def _as_one_word(text: str) -> dict[str, float]:
    """Return the terms of one word or several, which count as much as those of one together."""
    asked = terms(tokenise(text))
    share = ONE_WORD / (sum(asked.values()) or 1.0)
    return {term: weight * share for term, weight in asked.items()}


def _is_in(word: str, asked: str, folded: str) -> bool:
    """Tell whether a query has a word: whole words by their stems, Chinese anywhere."""
    pieces = _pieces(word)
    if any(is_cjk(piece) for piece in pieces):
        return fold(word) in folded
    return bool(pieces) and f" {' '.join(pieces)} " in asked


@lru_cache(maxsize=10_000)
def _pieces(text: str) -> tuple[str, ...]:
    return tuple(
        span.folded if span.is_cjk else stems(span.folded)[0] for span in spans(normal(text))
    )
