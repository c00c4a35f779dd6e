"""Questions about the catalogue."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

from redshop.catalog.models import Category
from redshop.catalog.types import Shelf

NotesCount = Callable[[Collection[int]], Mapping[int, int]]

_notes_count: NotesCount | None = None


def register_notes_count(count: NotesCount) -> None:
    """Let the notes, which live upstairs, say how many of them show each of some products.

    ``count`` takes product ids and answers in one query; products without notes may be left out.
    """
    global _notes_count
    _notes_count = count


def notes_counts(*, product_ids: Collection[int]) -> dict[int, int]:
    """Return how many published notes show each product."""
    found = _notes_count(product_ids) if _notes_count is not None else {}
    return {product_id: found.get(product_id, 0) for product_id in product_ids}


def category_tree() -> list[Shelf]:
    """Return the top categories by name, each with those inside it; one query."""
    shelves: dict[int | None, list[Shelf]] = defaultdict(list)
    for category in Category.objects.order_by("name", "pk"):
        shelf = Shelf(category.pk, category.slug, category.name, shelves[category.pk])
        shelves[category.parent_id].append(shelf)
    return shelves[None]


def with_descendants(*, category_id: int) -> frozenset[int]:
    """Return a category's id and the ids of all that are inside it; one query."""
    children: dict[int | None, list[int]] = defaultdict(list)
    for pk, parent_id in Category.objects.values_list("pk", "parent_id"):
        children[parent_id].append(pk)
    found: set[int] = set()
    pending = [category_id]
    while pending:
        pk = pending.pop()
        if pk not in found:
            found.add(pk)
            pending += children[pk]
    return frozenset(found)
