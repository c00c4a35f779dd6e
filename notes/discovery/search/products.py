"""Search over the catalogue's products with the words and the ranking of the search over notes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from django.db import connection

from notes.discovery.policies import SEARCH
from notes.discovery.ranking.order import best
from notes.discovery.search import postings
from notes.discovery.search.asking import understand
from notes.discovery.search.hits import DEEPER
from notes.models import Indexed
from redshop.catalog.models import Product

#: So many of the products that match best are read at first; more where few of them are listed.
CANDIDATES: Final = 300
_LISTED: Final = """
SELECT wanted.place - 1, product.id
FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted (id, place)
JOIN notes_indexedtext AS text ON text.id = wanted.id AND text.kind = 'product'
JOIN catalog_product AS product ON product.id = text.subject_id AND product.is_listed
ORDER BY product.popularity DESC, product.id DESC
"""


@dataclass(frozen=True, slots=True)
class FoundProducts:
    """The products that match best, as cards; ``corrected_query`` is empty if taken as typed."""

    products: list[Product]
    corrected_query: str = ""


def search_products(*, query: str, limit: int) -> FoundProducts:
    """Return the listed products that match best; best sellers first among equals."""
    asked = understand(query, policy=SEARCH, kind=Indexed.PRODUCT)
    scores = postings.scored(asked.found.postings, most=SEARCH.postings)
    if len(scores):
        scores[scores < SEARCH.least_share * scores.max()] = 0.0
    depth = CANDIDATES
    while True:
        texts = postings.best(scores, limit=depth)
        rows = _listed(texts)
        if len(rows) >= limit or len(texts) < depth:
            break
        depth *= DEEPER
    matches = scores[texts[[place for place, _ in rows]]].astype(np.float64)
    order = best(scores=matches, tie_break=np.arange(len(rows)), limit=limit)
    chosen = [rows[place][1] for place in order.tolist()]
    cards = Product.objects.filter(pk__in=chosen).as_cards().in_bulk()
    return FoundProducts([cards[pk] for pk in chosen if pk in cards], asked.corrected)


def _listed(texts: postings.Texts) -> list[tuple[int, int]]:
    """Return the places of those that are listed, and their products, best sellers first."""
    if not len(texts):
        return []
    with connection.cursor() as cursor:
        cursor.execute(_LISTED, [texts.tolist()])
        rows: list[tuple[int, int]] = cursor.fetchall()
    return rows
