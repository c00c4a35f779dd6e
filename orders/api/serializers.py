"""What carts and orders take and show; nothing here asks the database."""

from enum import StrEnum
from typing import Any, Final

from rest_framework import serializers

from orders.providers import METHODS
from orders.states import OrderState, PaymentAttempt, PaymentState
from redshop.core.api.serializers import MoneyField, ShownSerializer, StrictSerializer

MOST_UNITS: Final = 999
LARGEST: Final = 2**63 - 1


def one_of(states: type[StrEnum]) -> serializers.ChoiceField:
    """Return a field that shows one of these states."""
    return serializers.ChoiceField(choices=[(state.value, state.name) for state in states])


class PutItemSerializer(StrictSerializer):
    """How many units to have in the cart, and the note that led here."""

    quantity = serializers.IntegerField(min_value=1, max_value=MOST_UNITS)
    note_id = serializers.IntegerField(
        min_value=1, max_value=LARGEST, allow_null=True, required=False
    )
    request_id = serializers.UUIDField(
        allow_null=True, required=False, help_text="The feed or search that showed the note."
    )


class AddressSerializer(StrictSerializer):
    """Where an order goes; region and postcode may be empty where there are none."""

    name = serializers.CharField(max_length=120)
    phone = serializers.CharField(max_length=40)
    line1 = serializers.CharField(max_length=200)
    city = serializers.CharField(max_length=120)
    region = serializers.CharField(max_length=120, allow_blank=True, default="")
    postcode = serializers.CharField(max_length=20, allow_blank=True, default="")
    country = serializers.RegexField(r"^[A-Z]{2}\Z", help_text="ISO 3166, two letters.")


class QuoteRequestSerializer(StrictSerializer):
    """What to quote for."""

    address = AddressSerializer()
    coupon = serializers.CharField(max_length=40, allow_blank=True, default="")


class CheckoutSerializer(QuoteRequestSerializer):
    """What to order, and the total that the buyer has seen."""

    expected_total_minor = serializers.IntegerField(
        min_value=0, max_value=LARGEST, allow_null=True, required=False
    )


class CancelSerializer(StrictSerializer):
    """Why."""

    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class PayRequestSerializer(StrictSerializer):
    """Which company to pay through, and the token that it gave for a card."""

    method = serializers.ChoiceField(choices=METHODS)
    token = serializers.CharField(max_length=200, allow_blank=True, allow_null=True, required=False)


class PricedItemSerializer(ShownSerializer):
    """A thing in the cart at today's price."""

    sku_id = serializers.IntegerField()
    product_id = serializers.IntegerField()
    quantity = serializers.IntegerField()
    unit_price = MoneyField()
    available = serializers.IntegerField(help_text="Units that can be bought now.")
    note_id = serializers.IntegerField(required=False, help_text="The note that led here.")


class CartSerializer(ShownSerializer):
    """What a person means to buy; the total is null where currencies are mixed."""

    items = PricedItemSerializer(many=True)
    total = MoneyField(allow_null=True)


class DaysSerializer(ShownSerializer):
    """How long a delivery is promised to take."""

    least = serializers.IntegerField()
    most = serializers.IntegerField()


class MerchantRefSerializer(ShownSerializer):
    """The company that sells and ships."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class QuotedItemSerializer(PricedItemSerializer):
    """A thing in the cart, and what it would cost."""

    discount = MoneyField(help_text="Of all its units.")
    duty = MoneyField(help_text="On all its units, where they cross a border.")


class QuotedPartSerializer(ShownSerializer):
    """What one merchant would ship."""

    merchant = MerchantRefSerializer()
    is_cross_border = serializers.BooleanField()
    shipping = MoneyField()
    duty = MoneyField()
    delivery_days = DaysSerializer(required=False)


class QuoteSerializer(ShownSerializer):
    """What a checkout would cost now: the goods less the discount, shipping and duty."""

    items = QuotedItemSerializer(many=True)
    parts = QuotedPartSerializer(many=True)
    coupon = serializers.CharField(required=False, help_text="Its code, where one was given.")
    discount = MoneyField()
    shipping = MoneyField()
    duty = MoneyField()
    total = MoneyField()


class OrderLineSerializer(ShownSerializer):
    """So many units of a SKU at the agreed price."""

    id = serializers.IntegerField()
    sku_id = serializers.IntegerField()
    product_id = serializers.IntegerField()
    quantity = serializers.IntegerField()
    unit_price = MoneyField()
    discount = MoneyField()
    total = MoneyField(help_text="Of the goods after discount, without duty.")
    duty = MoneyField()
    refunded_quantity = serializers.IntegerField()
    returning_quantity = serializers.IntegerField(help_text="Units that an open return claims.")


class ShipmentLineSerializer(ShownSerializer):
    """So many units of a line in a parcel."""

    line_id = serializers.IntegerField()
    quantity = serializers.IntegerField()


class ShipmentSerializer(ShownSerializer):
    """A parcel."""

    id = serializers.IntegerField()
    carrier = serializers.CharField(required=False, help_text="Code of who brings it.")
    tracking = serializers.CharField(required=False)
    lines = ShipmentLineSerializer(many=True, source="story_lines")
    shipped_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(required=False)


class OrderPartSerializer(ShownSerializer):
    """What one merchant ships."""

    id = serializers.IntegerField()
    merchant = MerchantRefSerializer()
    state = one_of(OrderState)
    is_cross_border = serializers.BooleanField()
    shipping = MoneyField()
    duty = MoneyField()
    delivery_days = DaysSerializer(required=False)
    lines = OrderLineSerializer(many=True, source="story_lines")
    shipments = ShipmentSerializer(many=True, source="story_shipments")


class OrderStepSerializer(ShownSerializer):
    """A step in the life of an order; the first comes from nowhere (null)."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            "from": serializers.SerializerMethodField(method_name="get_start"),
            "to": serializers.CharField(source="to_state"),
            "at": serializers.DateTimeField(),
            "reason": serializers.CharField(),
        }

    def get_start(self, step: Any) -> str | None:
        return step.from_state or None


# asks for Order.objects.with_story()
class OrderSerializer(ShownSerializer):
    """What one checkout agreed, and how it stands."""

    id = serializers.UUIDField()
    number = serializers.CharField(help_text="What people call it by.")
    state = one_of(OrderState)
    payment_state = one_of(PaymentState)
    parts = OrderPartSerializer(many=True, source="story_parts")
    lines = OrderLineSerializer(many=True, source="story_lines")
    coupon = serializers.CharField(
        required=False, source="coupon_code", help_text="Its code, where one was used."
    )
    discount = MoneyField()
    shipping = MoneyField()
    duty = MoneyField()
    total = MoneyField(help_text="What is charged: goods less the discount, shipping and duty.")
    refunded = MoneyField()
    placed_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(required=False)
    expires_at = serializers.DateTimeField(
        required=False, source="held_until", help_text="Until when the stock is held, if unpaid."
    )
    history = OrderStepSerializer(many=True, source="story_history")


class PaymentSerializer(ShownSerializer):
    """An attempt to pay."""

    id = serializers.UUIDField()
    state = one_of(PaymentAttempt)
    action_url = serializers.URLField(
        required=False, help_text="Where the buyer confirms the payment."
    )
    failure_code = serializers.CharField(required=False)
