"""Rules for shipping and duty: which count, and that a change counts from the next price on."""

from typing import Any, Final

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from orders import factories, selectors
from orders.models import DutyRate, Order, RulesEdition, ShippingRate
from orders.services import checkout, pricing
from redshop.accounts.models import User
from redshop.catalog.factories import CategoryFactory, MerchantFactory, SkuFactory
from redshop.catalog.models import Category, Merchant, Sku
from tests.api import ApiClient
from tests.orders.world import ADDRESS, NOW

pytestmark = pytest.mark.django_db

ITALY: Final = factories.ADDRESSES[1]


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    """Let no test find the rules of another."""
    pricing._kept.clear()


def sku_from(country: str, **fields: Any) -> Sku:
    """Return a SKU that a merchant in the country ships."""
    merchant = MerchantFactory.create(name=f"From {country}", country=country)
    made: Sku = SkuFactory.create(product__brand__merchant=merchant, **fields)
    return made


def quoted(person: User) -> tuple[int, int]:
    """Return what shipping and duty of the cart would cost now, home to China."""
    quote = checkout.quote(buyer_id=person.pk, address=factories.ADDRESSES[0], at=NOW)
    return quote.shipping.amount_minor, quote.duty.amount_minor


def test_the_first_rules_ship_free_within_a_country_and_take_duty_across_its_border() -> None:
    _, rules = selectors.rules()

    assert rules.duty == {("CN", ""): 910, ("", ""): 1_000}
    assert DutyRate.objects.get(country="CN").source == "published"
    assert DutyRate.objects.get(country="").source == "assumed"
    domestic, abroad, abroad_in_yuan = ShippingRate.objects.order_by("pk")
    assert (domestic.is_cross_border, domestic.currency, domestic.fee_minor) == (False, "", 0)
    assert (abroad.is_cross_border, abroad.currency, abroad.fee_minor) == (True, "", 0)
    assert (abroad_in_yuan.fee_minor, abroad_in_yuan.free_from_minor) == (3_000, 50_000)


def test_an_order_from_home_and_abroad_stores_and_shows_what_each_part_costs(
    person: User, person_api: ApiClient
) -> None:
    home, foreign = sku_from("CN", price_minor=5_000), sku_from("IT", price_minor=10_005)
    for sku in (home, foreign):
        factories.CartItemFactory.create(person=person, sku=sku, quantity=2)

    quote = person_api.post("/checkout/quote", {"address": ADDRESS}).json()
    placed = person_api.post_once("/checkout", {"address": ADDRESS}).json()

    order = Order.objects.get()
    assert (order.shipping_minor, order.duty_minor) == (3_000, 1_821)  # 9.1 % of 200.10
    assert order.total_minor == 10_000 + 20_010 + 3_000 + 1_821
    near, far = placed["parts"]
    assert (near["is_cross_border"], near["delivery_days"]) == (False, {"least": 2, "most": 5})
    assert (far["is_cross_border"], far["delivery_days"]) == (True, {"least": 7, "most": 21})
    assert (near["shipping"]["amount_minor"], near["duty"]["amount_minor"]) == (0, 0)
    assert (far["shipping"]["amount_minor"], far["duty"]["amount_minor"]) == (3_000, 1_821)
    assert far["lines"][0]["duty"]["amount_minor"] == 1_821
    shown = ("discount", "shipping", "duty", "total")
    assert [placed[name] for name in shown] == [quote[name] for name in shown]
    parts = ("merchant", "is_cross_border", "shipping", "duty", "delivery_days")
    assert [{name: part[name] for name in parts} for part in placed["parts"]] == quote["parts"]


@pytest.mark.parametrize(
    ("currency", "price_minor", "duty"), [("JPY", 550, 50), ("KWD", 12_345, 1_123)]
)
def test_duty_is_whole_minor_units_in_every_currency(
    currency: str, price_minor: int, duty: int, person: User
) -> None:
    order = factories.placed(person, sku_from("IT", currency=currency, price_minor=price_minor))

    assert (order.duty_minor, order.shipping_minor) == (duty, 0)
    assert order.total_minor == price_minor + duty


def test_a_changed_rule_counts_from_the_next_price_on(person: User) -> None:
    sku = sku_from("IT", price_minor=10_000)
    factories.CartItemFactory.create(person=person, sku=sku)
    assert quoted(person) == (3_000, 910)

    ShippingRate.objects.filter(currency="CNY").update(fee_minor=2_500)
    assert quoted(person) == (2_500, 910)

    factories.ShippingRateFactory.create(
        merchant=Merchant.objects.get(), is_cross_border=True, fee_minor=100, free_from_minor=None
    )
    assert quoted(person) == (100, 910)

    DutyRate.objects.filter(country="CN").delete()
    assert quoted(person) == (100, 1_000)


def test_a_moved_or_renamed_category_takes_the_duty_of_its_new_place(person: User) -> None:
    food, toys = CategoryFactory.create(slug="food"), CategoryFactory.create(slug="toys")
    tea = CategoryFactory.create(slug="tea", parent=food)
    factories.DutyRateFactory.create(country="CN", category_slug="food", basis_points=500)
    sku = sku_from("IT", price_minor=10_000, product__category=tea)
    factories.CartItemFactory.create(person=person, sku=sku)
    assert quoted(person)[1] == 500

    Category.objects.filter(pk=tea.pk).update(parent=toys)
    assert quoted(person)[1] == 910

    Category.objects.filter(pk=toys.pk).update(slug="food-and-toys")
    DutyRate.objects.filter(category_slug="food").update(category_slug="food-and-toys")
    assert quoted(person)[1] == 500


def test_a_new_category_is_known_at_once(person: User) -> None:
    food = CategoryFactory.create(slug="food")
    factories.DutyRateFactory.create(country="CN", category_slug="food", basis_points=500)
    elsewhere = CategoryFactory.create(slug="elsewhere")
    old = sku_from("IT", price_minor=10_000, product__category=elsewhere)
    factories.CartItemFactory.create(person=person, sku=old)
    assert quoted(person)[1] == 910
    tea = CategoryFactory.create(slug="tea", parent=food)

    sku = sku_from("IT", price_minor=10_000, product__category=tea)
    factories.CartItemFactory.create(person=person, sku=sku)

    assert quoted(person)[1] == 910 + 500


def test_rules_of_a_transaction_that_was_rolled_back_count_for_nobody(person: User) -> None:
    factories.CartItemFactory.create(person=person, sku=sku_from("IT", price_minor=10_000))

    with transaction.atomic():
        DutyRate.objects.filter(country="CN").update(basis_points=1)
        assert quoted(person)[1] == 1
        transaction.set_rollback(True)

    assert quoted(person)[1] == 910
    DutyRate.objects.filter(country="CN").update(basis_points=2)
    assert quoted(person)[1] == 2


def test_rules_that_are_kept_cost_a_checkout_no_statement(person: User) -> None:
    def statements() -> int:
        sku = sku_from("IT")
        factories.CartItemFactory.create(person=person, sku=sku)
        quoted(person)
        with CaptureQueriesContext(connection) as captured:
            factories.check_out(person, at=NOW)
        return sum("dutyrate" in query["sql"] for query in captured)

    assert statements() == 0
    DutyRate.objects.filter(country="CN").update(basis_points=0)
    assert statements() == 0


def test_without_rules_shipping_is_free_nothing_is_promised_and_no_duty_taken(
    person: User,
) -> None:
    ShippingRate.objects.all().delete()
    DutyRate.objects.all().delete()

    order = factories.placed(person, sku_from("CN", price_minor=100), address=ITALY)

    part = order.parts.get()
    assert (order.total_minor, part.is_cross_border) == (100, True)
    assert (part.days_least, part.days_most) == (None, None)


def test_there_is_one_edition() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        RulesEdition.objects.create(id=2, edition=RulesEdition.objects.get().edition)


@pytest.mark.parametrize(
    ("make", "constraint"),
    [
        (lambda: ShippingRate.objects.create(days_least=1, days_most=2), "shipping_rate_once"),
        (
            lambda: ShippingRate.objects.create(
                country="IT", fee_minor=1, days_least=1, days_most=2
            ),
            "shipping_rate_fee_has_currency",
        ),
        (
            lambda: ShippingRate.objects.create(country="it", days_least=1, days_most=2),
            "shipping_rate_country_is_iso",
        ),
        (
            lambda: ShippingRate.objects.create(country="IT", days_least=3, days_most=2),
            "shipping_rate_days",
        ),
        (lambda: DutyRate.objects.create(country="CN", basis_points=1), "duty_rate_once"),
        (
            lambda: DutyRate.objects.create(country="IT", basis_points=1, source="published"),
            "duty_rate_published_is_cited",
        ),
        (
            lambda: factories.CouponFactory.create(amount_minor=1),
            "coupon_percent_or_amount",
        ),
        (lambda: factories.CouponFactory.create(funded_by="brand"), "coupon_brand_funds"),
        (lambda: factories.CouponFactory.create(code="a b"), "coupon_code_is_typed"),
        (lambda: factories.CouponFactory.create(used=2, most_uses=1), "coupon_used_within"),
    ],
)
def test_the_database_refuses_what_makes_no_sense(make: Any, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make()
