"""What to search for: completions of what is being typed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from django.db.models import Q

from notes.discovery.search import history, vocabulary
from notes.discovery.search.notes import Ask, search_many
from notes.discovery.search.text import fold, normal, spans
from notes.discovery.types import Viewer
from notes.models import Note, Topic
from redshop.catalog.models import Brand, Product

#: So many of one kind stand in a list of completions, so that the next kind has its place.
OF_A_KIND: Final = 4
#: A word is completed from so many letters on; a character of Chinese is enough for the rest.
SHORTEST_WORD: Final = 2
#: Titles are completed from so many of the newest notes, which may be in no vocabulary yet.
NEWEST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to search for; ``kind`` is history, topic, brand, product, word or note."""

    text: str
    kind: str


def complete(*, prefix: str, viewer: Viewer, at: datetime, limit: int = 10) -> list[Suggestion]:
    """Return what the typed words may become, each text once.

    One's own searches, topics, brands and products that begin with what was typed, then with its
    last word finished as most notes have it, then titles of the notes that match best.
    """
    typed = normal(prefix).strip()
    if not typed:
        return []
    kinds = (
        ("history", _own(typed, viewer)),
        ("topic", _topics(typed)),
        ("brand", _brands(typed)),
        ("product", _products(typed)),
        ("word", _finished(typed)),
        ("note", _titles(typed, viewer, at=at)),
    )
    found: dict[str, Suggestion] = {}
    for kind, texts in kinds:
        if len(found) >= limit:
            break
        for text in islice(texts, limit if kind == "note" else OF_A_KIND):
            found.setdefault(fold(text), Suggestion(text, kind))
    return list(found.values())[:limit]


def _own(typed: str, viewer: Viewer) -> Iterator[str]:
    if viewer.person_id is not None:
        rows = history.past(person_id=viewer.person_id, prefix=typed, limit=OF_A_KIND)
        yield from (row.query for row in rows)


def _topics(typed: str) -> Iterator[str]:
    topics = Topic.objects.filter(Q(name__istartswith=typed) | Q(slug__istartswith=typed))
    yield from topics.order_by("slug").values_list("name", flat=True)[:OF_A_KIND]


def _brands(typed: str) -> Iterator[str]:
    brands = Brand.objects.filter(name__istartswith=typed)
    yield from brands.order_by("name").values_list("name", flat=True)[:OF_A_KIND]


def _products(typed: str) -> Iterator[str]:
    products = Product.objects.listed().filter(name__istartswith=typed)
    yield from products.order_by("-popularity", "pk").values_list("name", flat=True)[:OF_A_KIND]


def _finished(typed: str) -> Iterator[str]:
    """Yield what was typed with its last word finished, as most notes have it."""
    last = next(reversed(list(spans(typed))), None)
    if last is None or last.end != len(typed):
        return
    if not last.is_cjk and len(last.folded) < SHORTEST_WORD:
        return
    for word in vocabulary.endings(last.folded, limit=OF_A_KIND):
        yield typed[: last.start] + word


def _titles(typed: str, viewer: Viewer, *, at: datetime) -> Iterator[str]:
    """Yield titles of new notes that begin with what was typed, then of those that match best."""
    newest = (
        Note.objects.published()
        .filter(published_at__lte=at, author__is_active=True)
        .order_by("-published_at", "-pk")
        .values("pk")[:NEWEST]
    )
    begun = Note.objects.filter(pk__in=newest, title__istartswith=typed)
    yield from begun.order_by("-counts__likes", "-pk").values_list("title", flat=True)[:OF_A_KIND]
    [page] = search_many(asks=[Ask(viewer, typed)], at=at, limit=OF_A_KIND * 2)
    titles = dict(Note.objects.filter(pk__in=page.note_ids).values_list("pk", "title"))
    yield from (titles[pk] for pk in page.note_ids if titles.get(pk))
