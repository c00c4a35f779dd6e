"""Carts and orders that came about as real ones do: through the services."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from orders.link_out_factories import LinkOutConversionFactory as LinkOutConversionFactory
from orders.link_out_factories import LinkOutFactory as LinkOutFactory
from orders.link_out_factories import LinkOutReportFactory as LinkOutReportFactory
from orders.models import (
    CartItem,
    Coupon,
    CouponUse,
    DutyRate,
    Order,
    OrderLine,
    OrderPart,
    Payment,
    Refund,
    RefundLine,
    Repayment,
    Return,
    ReturnLine,
    ReturnStep,
    RulesEdition,
    Shipment,
    ShipmentLine,
    ShippingRate,
    Transition,
    WebhookDelivery,
)
from orders.services import cancellation, cart, checkout, fulfilment, payment, refunds, returns
from orders.types import Address
from redshop.accounts.models import User
from redshop.catalog.factories import MerchantFactory, SkuFactory
from redshop.catalog.models import Sku

ADDRESSES: Final[Sequence[Address]] = (
    {
        "name": "李娜",
        "phone": "+86 138 0000 0000",
        "line1": "南京东路 1 号",
        "city": "上海",
        "region": "上海",
        "postcode": "200001",
        "country": "CN",
    },
    {
        "name": "Giulia Conti",
        "phone": "+39 333 000 0000",
        "line1": "Via Roma 12",
        "city": "Siena",
        "region": "SI",
        "postcode": "53100",
        "country": "IT",
    },
)
#: Time between two steps of an order's life.
PACE: Final = timedelta(hours=6)


class CouponFactory(DjangoModelFactory[Coupon]):
    """A tenth off everything, once for each person, for as long as one likes."""

    class Meta:
        model = Coupon

    code = factory.Sequence(lambda number: f"TENTH{number}")
    percent_basis_points = 1_000
    valid_from = datetime(2026, 1, 1, tzinfo=UTC)


class ShippingRateFactory(DjangoModelFactory[ShippingRate]):
    """What a merchant takes for a parcel within the country."""

    class Meta:
        model = ShippingRate

    merchant = factory.SubFactory(MerchantFactory)
    currency = "CNY"
    fee_minor = 800
    free_from_minor = 9_900
    days_least = 1
    days_most = 3


class DutyRateFactory(DjangoModelFactory[DutyRate]):
    """What a country that nobody lives in takes on everything."""

    class Meta:
        model = DutyRate

    country = "ZZ"
    basis_points = 2_000


class RulesEditionFactory(DjangoModelFactory[RulesEdition]):
    """The one edition there is."""

    class Meta:
        model = RulesEdition
        django_get_or_create = ("id",)

    id = 1
    edition = factory.LazyFunction(uuid4)


class CartItemFactory(DjangoModelFactory[CartItem]):
    """One unit in a person's cart."""

    class Meta:
        model = CartItem

    person = factory.SubFactory("redshop.accounts.factories.UserFactory")
    sku = factory.SubFactory(SkuFactory)
    quantity = 1
    added_at = factory.LazyFunction(timezone.now)


def placed(
    buyer: User,
    *skus: Sku,
    quantity: int = 1,
    note_id: int | None = None,
    coupon: str = "",
    address: Address = ADDRESSES[0],
    at: datetime | None = None,
) -> Order:
    """Return an unpaid order of so many units of each SKU (of a new one where none is given)."""
    at = at or timezone.now()
    for sku in skus or (SkuFactory.create(),):
        cart.put_item(person_id=buyer.pk, sku_id=sku.pk, quantity=quantity, note_id=note_id, at=at)
    return check_out(buyer, coupon=coupon, address=address, at=at)


def check_out(
    buyer: User, *, coupon: str = "", address: Address = ADDRESSES[0], at: datetime
) -> Order:
    """Return an unpaid order of what is in the buyer's cart; to a home within the country, from
    where nothing costs more than its goods."""
    return checkout.place_order(buyer_id=buyer.pk, address=address, coupon=coupon, at=at)


def paid(
    buyer: User,
    *skus: Sku,
    quantity: int = 1,
    note_id: int | None = None,
    coupon: str = "",
    address: Address = ADDRESSES[0],
    at: datetime | None = None,
) -> Order:
    """Return an order that was paid as it was placed."""
    order = placed(
        buyer, *skus, quantity=quantity, note_id=note_id, coupon=coupon, address=address, at=at
    )
    payment.pay_order(order_id=order.pk, at=order.placed_at)
    return fresh(order)


def shipped(buyer: User, *skus: Sku, quantity: int = 1, at: datetime | None = None) -> Order:
    """Return an order whose parcels are under way; a day old where no moment is given."""
    order = paid(buyer, *skus, quantity=quantity, at=at or timezone.now() - 4 * PACE)
    fulfilment.ship_order(order_id=order.pk, tracking="SF100001", at=order.placed_at + PACE)
    return fresh(order)


def delivered(buyer: User, *skus: Sku, quantity: int = 1, at: datetime | None = None) -> Order:
    """Return an order that arrived."""
    order = shipped(buyer, *skus, quantity=quantity, at=at)
    fulfilment.deliver_order(order_id=order.pk, at=order.placed_at + 2 * PACE)
    return fresh(order)


def completed(buyer: User, *skus: Sku, quantity: int = 1, at: datetime | None = None) -> Order:
    """Return an order that the buyer keeps."""
    order = delivered(buyer, *skus, quantity=quantity, at=at)
    fulfilment.complete_order(order_id=order.pk, at=order.placed_at + 3 * PACE)
    return fresh(order)


def cancelled(buyer: User, *skus: Sku, at: datetime | None = None) -> Order:
    """Return an order that was cancelled before it was paid."""
    order = placed(buyer, *skus, at=at)
    cancellation.cancel_order(order_id=order.pk, reason="changed my mind", at=order.placed_at)
    return fresh(order)


def refund(
    order: Order, *, quantities: Mapping[int, int] | None = None, restock: bool = False
) -> Refund:
    """Give back units of a paid order, or all that is left of it, some time after its payment."""
    return refunds.refund_order(
        order_id=order.pk,
        quantities=quantities,
        reason="not as described",
        restock=restock,
        at=order.placed_at + 3 * PACE,
    )


def asked_back(
    order: Order, *, quantities: Mapping[int, int] | None = None, at: datetime | None = None
) -> Return:
    """Return a wish to send back units of a delivered order, or all of it, a day after delivery."""
    return returns.request_return(
        order_id=order.pk,
        buyer_id=order.buyer_id,
        quantities=quantities or {line.pk: line.quantity for line in order.lines.all()},
        reason="too small",
        at=at or order.placed_at + 6 * PACE,
    )


def approved(asked: Return) -> Return:
    """Let the buyer send the units."""
    return returns.approve_return(
        return_id=asked.pk, actor_id=None, decision="send it", at=asked.requested_at + PACE
    )


def sent_back(asked: Return, *, restock: bool = True) -> Return:
    """Take in all of an approved return, back on sale or not, and give its money back."""
    came = {line.line_id: line.quantity for line in asked.lines.all()}
    return returns.receive_return(
        return_id=asked.pk,
        restocked=came if restock else {},
        written_off={} if restock else came,
        actor_id=None,
        at=asked.requested_at + 2 * PACE,
    )


def declined(order: Order) -> Payment:
    """Return an attempt to pay that the sandbox declined."""
    return payment.pay_order(order_id=order.pk, token="tok_declined", at=order.placed_at)  # noqa: S106 - names an outcome of the sandbox


def fresh(order: Order) -> Order:
    """Return the order as it is now."""
    return Order.objects.get(pk=order.pk)


class _LivedFactory(DjangoModelFactory[Any]):
    """A row of an order of ``buyer`` that lived, through the services, as far as the row needs."""

    class Meta:
        abstract = True

    buyer = factory.SubFactory("redshop.accounts.factories.UserFactory")

    @classmethod
    def _create(cls, model_class: type[Any], *args: Any, **kwargs: Any) -> Any:
        order = cls.live(kwargs["buyer"])
        return model_class._default_manager.filter(**{cls.to_order(): order}).latest("pk")

    @classmethod
    def live(cls, buyer: User) -> Order:
        return placed(buyer)

    @classmethod
    def to_order(cls) -> str:
        return "order"


class OrderFactory(_LivedFactory):
    """An unpaid order; the functions above bring one further."""

    class Meta:
        model = Order

    @classmethod
    def to_order(cls) -> str:
        return "number"

    @classmethod
    def live(cls, buyer: User) -> Any:
        return placed(buyer).number


class OrderPartFactory(_LivedFactory):
    class Meta:
        model = OrderPart


class OrderLineFactory(_LivedFactory):
    class Meta:
        model = OrderLine


class CouponUseFactory(_LivedFactory):
    class Meta:
        model = CouponUse

    @classmethod
    def live(cls, buyer: User) -> Order:
        return placed(buyer, coupon=CouponFactory.create().code)


class PaidLineFactory(OrderLineFactory):
    """A conversion."""

    @classmethod
    def live(cls, buyer: User) -> Order:
        return paid(buyer)


class TransitionFactory(_LivedFactory):
    class Meta:
        model = Transition


class PaymentFactory(_LivedFactory):
    """A payment that succeeded; ``declined`` makes one that did not."""

    class Meta:
        model = Payment

    @classmethod
    def live(cls, buyer: User) -> Order:
        return paid(buyer)


class RefundFactory(_LivedFactory):
    """Everything that was paid, given back."""

    class Meta:
        model = Refund

    @classmethod
    def live(cls, buyer: User) -> Order:
        order = paid(buyer)
        refund(order)
        return order


class RefundLineFactory(RefundFactory):
    class Meta:
        model = RefundLine

    @classmethod
    def to_order(cls) -> str:
        return "refund__order"


class ShipmentFactory(_LivedFactory):
    class Meta:
        model = Shipment

    @classmethod
    def live(cls, buyer: User) -> Order:
        return shipped(buyer)

    @classmethod
    def to_order(cls) -> str:
        return "part__order"


class ShipmentLineFactory(ShipmentFactory):
    class Meta:
        model = ShipmentLine

    @classmethod
    def to_order(cls) -> str:
        return "shipment__part__order"


class RepaymentFactory(_LivedFactory):
    """What a refund sent back."""

    class Meta:
        model = Repayment

    @classmethod
    def live(cls, buyer: User) -> Order:
        order = paid(buyer)
        refund(order)
        return order

    @classmethod
    def to_order(cls) -> str:
        return "payment__order"


class WebhookDeliveryFactory(DjangoModelFactory[WebhookDelivery]):
    """Something that a company said about a payment that we do not know."""

    class Meta:
        model = WebhookDelivery

    company = "sandbox"
    event_id = factory.Sequence(lambda n: f"event-{n}")
    kind = "charge.succeeded"
    body = "{}"
    result = WebhookDelivery.Result.UNMATCHED
    received_at = factory.LazyFunction(timezone.now)


class ReturnFactory(_LivedFactory):
    """A return that waits for a decision; the functions above bring one further."""

    class Meta:
        model = Return

    @classmethod
    def live(cls, buyer: User) -> Order:
        order = delivered(buyer)
        asked_back(order)
        return order


class ReturnLineFactory(ReturnFactory):
    class Meta:
        model = ReturnLine

    @classmethod
    def to_order(cls) -> str:
        return "of_return__order"


class ReturnStepFactory(ReturnLineFactory):
    class Meta:
        model = ReturnStep
