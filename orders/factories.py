"""Carts and orders that came about as real ones do: through the services."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from orders.ledger.accounts import Account, AccountKind
from orders.link_out_factories import LinkOutConversionFactory as LinkOutConversionFactory
from orders.link_out_factories import LinkOutFactory as LinkOutFactory
from orders.link_out_factories import LinkOutReportFactory as LinkOutReportFactory
from orders.lives import (  # noqa: F401 - whoever makes rows makes orders that lived too
    ADDRESSES,
    PACE,
    approved,
    asked_back,
    cancelled,
    check_out,
    completed,
    declined,
    delivered,
    fresh,
    paid,
    placed,
    refund,
    sent_back,
    shipped,
)
from orders.models import (
    Batch,
    CartItem,
    CommissionRate,
    Coupon,
    CouponUse,
    CreatorShare,
    DutyRate,
    Entry,
    LedgerAccount,
    Order,
    OrderLine,
    OrderPart,
    Payment,
    Posting,
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
from orders.services import (
    settlement,
)
from redshop.accounts.models import User
from redshop.catalog.factories import MerchantFactory, SkuFactory


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


class CommissionRateFactory(DjangoModelFactory[CommissionRate]):
    """What the platform keeps of a category that nothing is in."""

    class Meta:
        model = CommissionRate

    charge = "marketplace"
    category_slug = "nothing"
    basis_points = 700


class CartItemFactory(DjangoModelFactory[CartItem]):
    """One unit in a person's cart."""

    class Meta:
        model = CartItem

    person = factory.SubFactory("redshop.accounts.factories.UserFactory")
    sku = factory.SubFactory(SkuFactory)
    quantity = 1
    added_at = factory.LazyFunction(timezone.now)


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


class PostingFactory(PaymentFactory):
    """The payment of an order, in the books."""

    class Meta:
        model = Posting


class EntryFactory(PaymentFactory):
    """What the payment of an order put on an account."""

    class Meta:
        model = Entry

    @classmethod
    def to_order(cls) -> str:
        return "posting__order"


class LedgerAccountFactory(DjangoModelFactory[LedgerAccount]):
    """An account of a merchant whom nothing is owed yet."""

    class Meta:
        model = LedgerAccount

    kind = "merchant_payable"
    owner = factory.Sequence(lambda number: str(10**9 + number))
    currency = "CNY"
    population = "real"
    id = factory.LazyAttribute(
        lambda o: Account(AccountKind(o.kind), o.owner, o.currency, o.population).id
    )


class BatchFactory(_LivedFactory):
    """A settlement of what can no longer be returned."""

    class Meta:
        model = Batch

    @classmethod
    def to_order(cls) -> str:
        return "kind"

    @classmethod
    def live(cls, buyer: User) -> Any:
        completed(buyer, at=timezone.now() - timedelta(days=30))
        settlement.run_all(at=timezone.now())
        return Batch.Kind.SETTLEMENT


class CreatorShareFactory(DjangoModelFactory[CreatorShare]):
    """A line that one creator is credited with."""

    class Meta:
        model = CreatorShare

    line = factory.SubFactory(PaidLineFactory)
    person = factory.SubFactory("redshop.accounts.factories.UserFactory")
    weight_billionths = 1_000_000_000
