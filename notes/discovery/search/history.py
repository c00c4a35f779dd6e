"""What a person searched for: for their own list, which they may empty; kept for 90 days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, Max
from django.db.models.functions import Lower

from notes.models import PastSearch
from redshop.core.errors import NotFound

RETENTION: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Past:
    """A query, and when it was searched for last."""

    id: int
    query: str
    searched_at: datetime


def past(*, person_id: int, prefix: str = "", limit: int = 20) -> Sequence[Past]:
    """Return what a person searched for, each query once, the latest first."""
    rows = PastSearch.objects.filter(person_id=person_id, query__istartswith=prefix)
    latest = (
        rows.values(key=Lower("query"))
        .annotate(last=Max("pk"))
        .order_by(F("last").desc())
        .values_list("last", flat=True)[:limit]
    )
    found = PastSearch.objects.in_bulk(list(latest))
    return [
        Past(row.pk, row.query, row.searched_at)
        for row in sorted(found.values(), key=lambda row: -row.pk)
    ]


def forget_all(*, person_id: int) -> None:
    """Delete all that a person searched for."""
    PastSearch.objects.filter(person_id=person_id).delete()


def forget_one(*, person_id: int, search_id: int) -> None:
    """Delete a query from a person's list, however often they searched for it.

    Raises:
        NotFound: there is no such search of this person.
    """
    mine = PastSearch.objects.filter(person_id=person_id)
    search = mine.filter(pk=search_id).first()
    if search is None:
        raise NotFound
    mine.filter(query__iexact=search.query).delete()


def forget_old(*, at: datetime) -> int:
    """Delete what is past its retention; return how many searches that were."""
    return PastSearch.objects.filter(searched_at__lte=at - RETENTION).delete()[0]
