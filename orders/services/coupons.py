"""Coupons: found, claimed under their lock, given back where an order ends unpaid, and counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q

from orders.errors import (
    CouponExpired,
    CouponInactive,
    CouponLimitPerPerson,
    CouponNotYet,
    CouponUnknown,
    CouponUsedUp,
)
from orders.models import Coupon, CouponQuerySet, CouponUse, Order
from redshop.core.db import requires_transaction
from redshop.core.ids import uuid7
from redshop.core.reconciliation import Comparison


@dataclass(frozen=True, slots=True)
class Claim:
    """A coupon that a person may use, and the number that the use will have among theirs."""

    coupon: Coupon
    ordinal: int


def find(*, code: str, person_id: int, at: datetime) -> Coupon:
    """Return the coupon that a person could use now; a checkout looks again, under its lock.

    Raises:
        CouponUnknown: there is no such coupon.
        CouponInactive, CouponNotYet, CouponExpired: it is not taken, not yet, or no longer.
        CouponUsedUp: it was used as often as it can be.
        CouponLimitPerPerson: the person used it as often as one may.
    """
    return _claim(Coupon.objects.all(), code=code, person_id=person_id, at=at).coupon


@requires_transaction
def claim(*, code: str, person_id: int, at: datetime) -> Claim:
    """Lock a coupon that a person means to use.

    Locks: the coupon.

    Raises: as ``find``.
    """
    return _claim(Coupon.objects.all().locked(), code=code, person_id=person_id, at=at)


@requires_transaction
def use(claimed: Claim, order: Order, *, at: datetime) -> CouponUse:
    """Count the order as a use of the coupon that its buyer claimed.

    Should the lock have been forgotten, the constraints refuse: the counter stays within the
    coupon's limit, and of a person's uses no two have one number.
    """
    Coupon.objects.filter(pk=claimed.coupon.pk).update(used=F("used") + 1)
    return CouponUse.objects.create(
        id=uuid7(at),
        coupon=claimed.coupon,
        order=order,
        person_id=order.buyer_id,
        ordinal=claimed.ordinal,
        amount_minor=order.discount_minor,
        currency=order.currency,
        used_at=at,
    )


@requires_transaction
def release(order: Order, *, at: datetime) -> None:
    """Give back the coupon of an order that ended unpaid, so that it can be used again.

    Locks: the coupon.
    """
    if order.coupon_id is None:
        return
    uses = CouponUse.objects.filter(order=order, released_at=None)
    released = uses.update(released_at=at)
    Coupon.objects.filter(pk=order.coupon_id).update(used=F("used") - released)


def compare() -> Comparison:
    """Compare how often each coupon says that it was used with its uses.

    The differences come from one statement, so that checkouts meanwhile make none.
    """
    scope = f"{Coupon.objects.count()} coupons, {CouponUse.objects.count()} uses"
    return Comparison(scope=scope, differences=_differences())


def _differences() -> Iterator[str]:
    standing = Count("uses", filter=Q(uses__released_at=None))
    counted = Coupon.objects.annotate(counted=standing).exclude(used=F("counted")).order_by("pk")
    for code, used, uses in counted.values_list("code", "used", "counted"):
        yield f"coupon {code}: used {used} times, but it has {uses} uses"


def _claim(coupons: CouponQuerySet, *, code: str, person_id: int, at: datetime) -> Claim:
    coupon = coupons.filter(code__iexact=code).first()
    if coupon is None:
        raise CouponUnknown
    _refuse_out_of_time(coupon, at=at)
    if coupon.most_uses is not None and coupon.used >= coupon.most_uses:
        raise CouponUsedUp
    uses = CouponUse.objects.filter(coupon=coupon, person_id=person_id, released_at=None)
    ordinals = set(uses.values_list("ordinal", flat=True))
    most = coupon.most_uses_per_person
    if most is not None and len(ordinals) >= most:
        raise CouponLimitPerPerson
    return Claim(coupon, ordinal=min(set(range(1, len(ordinals) + 2)) - ordinals))


def _refuse_out_of_time(coupon: Coupon, *, at: datetime) -> None:
    if not coupon.is_active:
        raise CouponInactive
    if at < coupon.valid_from:
        raise CouponNotYet(valid_from=coupon.valid_from)
    if coupon.valid_until is not None and at >= coupon.valid_until:
        raise CouponExpired(valid_until=coupon.valid_until)
