"""Carts and orders: what was agreed, what was paid, where it is."""

from orders.models.base import new_id
from orders.models.carts import CartItem
from orders.models.ledger import (
    Batch,
    CommissionRate,
    CreatorShare,
    Entry,
    LedgerAccount,
    Posting,
    PostingKind,
)
from orders.models.link_outs import LinkOut, LinkOutConversion, LinkOutReport
from orders.models.orders import Order, OrderLine, OrderPart, OrderQuerySet, Transition
from orders.models.parcels import Shipment, ShipmentLine
from orders.models.payments import Payment, Refund, RefundLine, Repayment, WebhookDelivery
from orders.models.pricing import (
    Coupon,
    CouponQuerySet,
    CouponUse,
    DutyRate,
    RulesEdition,
    ShippingRate,
)
from orders.models.returns import Return, ReturnLine, ReturnQuerySet, ReturnStep

__all__ = [
    "Batch",
    "CartItem",
    "CommissionRate",
    "Coupon",
    "CouponQuerySet",
    "CouponUse",
    "CreatorShare",
    "DutyRate",
    "Entry",
    "LedgerAccount",
    "LinkOut",
    "LinkOutConversion",
    "LinkOutReport",
    "Order",
    "OrderLine",
    "OrderPart",
    "OrderQuerySet",
    "Payment",
    "Posting",
    "PostingKind",
    "Refund",
    "RefundLine",
    "Repayment",
    "Return",
    "ReturnLine",
    "ReturnQuerySet",
    "ReturnStep",
    "RulesEdition",
    "Shipment",
    "ShipmentLine",
    "ShippingRate",
    "Transition",
    "WebhookDelivery",
    "new_id",
]
