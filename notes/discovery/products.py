"""Search over the catalogue's products with the words and the ranking of the search over notes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.functions import Concat, Lower

from notes.discovery.bm25 import bm25f, inverse_document_frequency
from notes.discovery.policies import SEARCH
from notes.discovery.ranking import Floats, best
from notes.discovery.text import terms, tokenise
from redshop.catalog.models import Product

#: So many products, the best selling first, are ranked for one query.
CANDIDATES: Final = 300

_ACCENTED: Final = "àáâãäåçèéêëìíîïñòóôõöùúûüýÿ"
_PLAIN: Final = "aaaaaaceeeeiiiinooooouuuuyy"


def search_products(*, query: str, limit: int) -> list[Product]:
    """Return the products that match best, as cards; best sellers first among equals."""
    words = terms(tokenise(query))
    rows = _candidates(words) if words else []
    if not rows:
        return []
    scores = _scores(rows, words)
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


def _scores(rows: Sequence[tuple[int, str, str, str]], words: Sequence[str]) -> Floats:
    fields = [[tokenise(text) for text in row[1:]] for row in rows]
    counted = [[Counter(tokens) for tokens in each] for each in fields]
    occurrences = np.array(
        [[[count[word] for word in words] for count in each] for each in counted], dtype=float
    )
    containing = (occurrences.sum(axis=1) > 0).sum(axis=0).astype(float)
    contributions = bm25f(
        occurrences=occurrences,
        lengths=np.array([[len(tokens) for tokens in each] for each in fields], dtype=float),
        typical_lengths=np.array([SEARCH.typical_title, SEARCH.typical_tags, SEARCH.typical_body]),
        field_weights=np.array([SEARCH.title, SEARCH.tags, SEARCH.body]),
        rarity=inverse_document_frequency(containing=containing, documents=len(rows)),
        k1=SEARCH.k1,
        b=SEARCH.b,
    )
    return np.asarray(contributions.sum(axis=1))
