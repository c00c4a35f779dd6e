"""What orders refuse."""

from typing import ClassVar

from redshop.core.errors import DomainError


class CartEmpty(DomainError):
    """There is nothing in the cart."""

    code = "cart_empty"


class CartFull(DomainError):
    """A cart holds at most a hundred different things."""

    code = "cart_full"


class MixedCurrencies(DomainError):
    """What is bought together must be priced in one currency."""

    code = "mixed_currencies"


class CouponUnknown(DomainError):
    """There is no such coupon."""

    code = "coupon_unknown"


class CouponInactive(DomainError):
    """The coupon is not taken at present."""

    code = "coupon_inactive"


class CouponNotYet(DomainError):
    """The coupon does not count yet."""

    code = "coupon_not_yet"


class CouponExpired(DomainError):
    """The coupon no longer counts."""

    code = "coupon_expired"


class CouponMinimumNotReached(DomainError):
    """The goods that the coupon is for cost too little together."""

    code = "coupon_minimum_not_reached"


class CouponNotForThese(DomainError):
    """The coupon is for nothing that is in the cart."""

    code = "coupon_not_for_these"


class CouponUsedUp(DomainError):
    """The coupon was used as often as it can be."""

    code = "coupon_used_up"
    status = 409


class CouponLimitPerPerson(DomainError):
    """You have used the coupon as often as one person may."""

    code = "coupon_limit_per_person"
    status = 409


class PriceChanged(DomainError):
    """The total is no longer what was expected."""

    code = "price_changed"
    status = 409


class WrongState(DomainError):
    """The order's present state does not allow this."""

    code = "wrong_state"
    status = 409


class AlreadyPaid(DomainError):
    """The order is paid."""

    code = "already_paid"
    status = 409


class PaymentUnderWay(DomainError):
    """A payment of this order is under way; wait for its result."""

    code = "payment_under_way"
    status = 409
    retry_after: ClassVar[int | None] = 2


class PaymentMethodUnavailable(DomainError):
    """This shop does not take that way of paying."""

    code = "payment_method_unavailable"


class WebhookRefused(DomainError):
    """The webhook is not from the company, or too old."""

    code = "webhook_refused"
    status = 400


class WebhookTooLong(DomainError):
    """No webhook is that long."""

    code = "too_large"
    status = 413


class LineUnknown(DomainError):
    """The order has no such line."""

    code = "line_unknown"


class QuantityNotPossible(DomainError):
    """The line does not have that many units left."""

    code = "quantity_not_possible"


class NothingToShip(DomainError):
    """Everything was shipped, or taken out of the order before."""

    code = "nothing_to_ship"
    status = 409


class NothingToDeliver(DomainError):
    """No parcel is on its way."""

    code = "nothing_to_deliver"
    status = 409


class NothingToRefund(DomainError):
    """All the money was given back, or none was paid."""

    code = "nothing_to_refund"
    status = 409


class ParcelUnknown(DomainError):
    """The order has no such parcel under way."""

    code = "parcel_unknown"


class CarrierUnknown(DomainError):
    """The shop knows no such carrier."""

    code = "carrier_unknown"


class TrackingInvalid(DomainError):
    """The carrier gives no such tracking numbers."""

    code = "tracking_invalid"


class NothingDelivered(DomainError):
    """Nothing of the order has arrived yet."""

    code = "nothing_delivered"
    status = 409


class NothingToReturn(DomainError):
    """No unit is named."""

    code = "nothing_to_return"


class ReturnWindowClosed(DomainError):
    """The time to send this back has passed."""

    code = "return_window_closed"


class ReturnOpen(DomainError):
    """A return of this order is still open."""

    code = "return_open"
    status = 409


class WrongReturnState(DomainError):
    """The return's present state does not allow this."""

    code = "wrong_return_state"
    status = 409


class NoExternalShop(DomainError):
    """The product is not sold in a shop elsewhere."""

    code = "no_external_shop"


class NothingOwed(DomainError):
    """Nobody owes anything on this account."""

    code = "nothing_owed"
    status = 409
