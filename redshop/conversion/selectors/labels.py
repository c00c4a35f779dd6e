"""What people call the groups of a statistic."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from notes.models import Note, Topic
from redshop.accounts.models import User
from redshop.catalog.models import Brand, Category, Product
from redshop.conversion.types import CreditGroup
from redshop.events.kinds import Surface

#: A group's key as the API gives it, and its label.
Name = tuple[int | str | None, str]


def of_credits(group_by: CreditGroup, *, keys: Sequence[str | None]) -> dict[str | None, Name]:
    """Return key and label of each group; one query where labels live in a table."""
    return named(group_by.value, keys=keys)


def named(group_by: str, *, keys: Sequence[str | None]) -> dict[str | None, Name]:
    """Return key and label of each group, by the text that the database knows it by."""
    known = [key for key in keys if key is not None]
    found: dict[str | None, Name] = {None: (None, _ABSENT.get(group_by, "None"))} | {
        key: (key, _WORDS.get(group_by, str)(key)) for key in known
    }
    if group_by in _TABLES:
        found |= _TABLES[group_by]([int(key) for key in known])
    return found


def _provenance(key: str) -> str:
    words = {
        "user": "by a person",
        "brand": "by a brand",
        "sponsored": "sponsored",
        "ai_assisted": "AI-assisted",
        "ai_generated": "AI-generated",
    }
    return ", ".join(words.get(part, part) for part in key.split("+")).capitalize()


def _by_id(rows: Iterable[Any]) -> dict[str | None, Name]:
    return {str(pk): (pk, label) for pk, label in rows}


def _by_slug(rows: Iterable[Any]) -> dict[str | None, Name]:
    return {str(pk): (slug, label) for pk, slug, label in rows}


_ABSENT: Final = {
    "surface": "Unknown",
    "topic": "No topic",
    "note": "No note",
    "author": "No author",
    "provenance": "No note",
    "note_type": "No note",
}
_WORDS: Final[dict[str, Callable[[str], str]]] = {
    "surface": lambda key: str(dict(Surface.choices).get(key, key)),
    "provenance": _provenance,
    "note_type": lambda key: str(dict(Note.Type.choices).get(key, key)),
    "all": lambda _: "All",
}
_TABLES: Final[dict[str, Callable[[list[int]], dict[str | None, Name]]]] = {
    "note": lambda ids: _by_id(Note.objects.filter(pk__in=ids).values_list("pk", "title")),
    "author": lambda ids: _by_id(User.objects.filter(pk__in=ids).values_list("pk", "handle")),
    "product": lambda ids: _by_id(Product.objects.filter(pk__in=ids).values_list("pk", "name")),
    "brand": lambda ids: _by_id(Brand.objects.filter(pk__in=ids).values_list("pk", "name")),
    "topic": lambda ids: _by_slug(
        Topic.objects.filter(pk__in=ids).values_list("pk", "slug", "name")
    ),
    "category": lambda ids: _by_slug(
        Category.objects.filter(pk__in=ids).values_list("pk", "slug", "name")
    ),
}
