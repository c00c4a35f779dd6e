"""Prices by the rules in force: read once for each edition of them, and kept in the process.

The database renews the edition in the transaction that changes a rule or the tree of categories
(``RulesEdition``). Whoever prices brings the edition along with a statement that they run anyway,
so rules that were kept are never older than the edition they were kept for.
"""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from orders import selectors
from orders.models import Coupon
from orders.prices import Item, Offer, Price, Rules, price

_kept: Final[dict[UUID, Rules]] = {}


def price_of(
    items: Sequence[Item], *, country: str, coupon: Coupon | None, edition: UUID | None
) -> Price:
    """Return what the items cost by the rules of an edition, or of a newer one.

    Raises:
        MixedCurrencies: they are priced in several currencies.
        CouponNotForThese: the coupon applies to none of them.
        CouponMinimumNotReached: those it applies to cost too little.
    """
    rules = rules_in_force(edition, category_ids={item.category_id for item in items})
    offer = offer_of(coupon) if coupon else None
    return price(items, country=country, rules=rules, offer=offer)


def rules_in_force(edition: UUID | None, *, category_ids: Collection[int]) -> Rules:
    """Return the rules of the edition; they are read where they are not kept.

    A category that is newer than they are has them read again.
    """
    kept = _kept.get(edition) if edition else None
    if kept is not None and kept.knows(category_ids):
        return kept
    read_edition, rules = selectors.rules()
    _kept.clear()
    if read_edition is not None:
        _kept[read_edition] = rules
    return rules


def offer_of(coupon: Coupon) -> Offer:
    """Return what the coupon takes off."""
    return Offer(
        percent_basis_points=coupon.percent_basis_points,
        amount_minor=coupon.amount_minor,
        currency=coupon.currency,
        minimum_minor=coupon.minimum_minor,
        brand_id=coupon.brand_id,
    )
