"""Questions about the books."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Sum

from orders.ledger.accounts import Account, AccountKind
from orders.ledger.rules import Entries
from orders.models import Entry, PostingKind


def standing(
    *, order_ids: Collection[UUID], kinds: Collection[PostingKind] = tuple(PostingKind)
) -> dict[UUID, Entries]:
    """Return what postings of these kinds put in the books, by order and account."""
    names = ("kind", "owner", "currency", "population")
    rows = (
        Entry.objects.filter(posting__order__in=order_ids, posting__kind__in=kinds)
        .order_by()
        .values_list("posting__order_id", *(f"account__{name}" for name in names))
        .annotate(total=Sum("amount_minor"))
    )
    found: dict[UUID, dict[Account, int]] = {}
    for order_id, kind, owner, currency, population, amount in rows:
        account = Account(AccountKind(kind), owner, currency, population)
        found.setdefault(order_id, {})[account] = amount
    return dict(found)
