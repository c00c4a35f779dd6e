"""Search over the catalogue's products with the words and the ranking of the search over notes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.functions import Concat, Lower

from notes.discovery.policies import SEARCH
from notes.discovery.ranking.arrays import Floats
from notes.discovery.ranking.order import best
from notes.discovery.search.bm25 import LARGEST, inverse_document_frequency
from notes.discovery.search.fields import impacts_of
from notes.discovery.search.text import normal, spans, stems, terms, tokenise
from redshop.catalog.models import Product

#: So many products, the best selling first, are ranked for one query.
CANDIDATES: Final = 300

_ACCENTED: Final = "àáâãäåçèéêëìíîïñòóôõöùúûüýÿ"
_PLAIN: Final = "aaaaaaceeeeiiiinooooouuuuyy"


def search_products(*, query: str, limit: int) -> list[Product]:
    """Return the products that match best, as cards; best sellers first among equals."""
    pieces = _pieces(query)
    rows = _candidates(pieces) if pieces else []
    if not rows:
        return []
    scores = _scores(rows, terms(tokenise(query)))
    order = best(scores=scores, tie_break=np.arange(len(rows)), limit=limit)
    chosen = [rows[place][0] for place in order.tolist()]
    cards = Product.objects.filter(pk__in=chosen).as_cards().in_bulk()
    return [cards[pk] for pk in chosen if pk in cards]


def _candidates(words: Sequence[str]) -> list[tuple[int, str, str, str]]:
    """Return id, name, brand and description of products that have one of the words somewhere."""
    space = Value(" ")
    text = Concat("name", space, "brand__name", space, "description", output_field=TextField())
    folded: Any = Func(
        Lower(text),
        Value(_ACCENTED),
        Value(_PLAIN),
        function="translate",
        output_field=TextField(),
    )
    condition = Q()
    for word in words:
        condition |= Q(folded__contains=word)
    return list(
        Product.objects.listed()
        .annotate(folded=folded)
        .filter(condition)
        .order_by(F("popularity").desc(), F("pk").desc())
        .values_list("pk", "name", "brand__name", "description")[:CANDIDATES]
    )


def _pieces(query: str) -> list[str]:
    """Return what a text that matches has somewhere: of a word what its stem and it begin with, of
    Chinese each pair of characters, or the one there is."""
    found: dict[str, None] = {}
    for span in spans(normal(query)):
        run = span.folded
        if span.is_cjk:
            found |= dict.fromkeys([run[n : n + 2] for n in range(max(len(run) - 1, 1))])
        else:
            found[_beginning(run)] = None
    return list(found)


def _beginning(word: str) -> str:
    """Return what a word and its stems begin with."""
    ways = [word, *stems(word)]
    same = next((n for n, letters in enumerate(zip(*ways, strict=False)) if len({*letters}) > 1), 0)
    return word[:same] if same else min(ways, key=len)


def _scores(rows: Sequence[tuple[int, str, str, str]], asked: Mapping[str, float]) -> Floats:
    told = [impacts_of(row[1:], SEARCH) for row in rows]
    found = np.array([[text.get(term, 0) for term in asked] for text in told], dtype=float)
    rarity = inverse_document_frequency(
        containing=(found > 0).sum(axis=0).astype(float), documents=len(rows)
    )
    return np.asarray((found / LARGEST) @ (rarity * np.array(list(asked.values()))))
