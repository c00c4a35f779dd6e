"""What a checkout costs, as arithmetic: exact, whatever the currency and the order of the lines."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.errors import CouponMinimumNotReached, CouponNotForThese, MixedCurrencies
from orders.prices import Item, Offer, Price, Rules, ShippingRule, half_up, price, share_of

SHELVES: Final = {1: ("lips", "beauty"), 2: ("beauty",), 3: ("food",)}
RULES: Final = Rules(
    shipping=(
        ShippingRule(days_least=2, days_most=5),
        ShippingRule(is_cross_border=True, days_least=7, days_most=21),
        ShippingRule(
            is_cross_border=True,
            currency="CNY",
            fee_minor=3_000,
            free_from_minor=50_000,
            days_least=7,
            days_most=21,
        ),
        ShippingRule(country="CN", currency="CNY", fee_minor=800, days_least=1, days_most=4),
        ShippingRule(merchant_id=2, fee_minor=0, days_least=1, days_most=1),
    ),
    duty={("CN", ""): 910, ("", ""): 1_000, ("IT", "beauty"): 2_200, ("", "food"): 500},
    shelves=SHELVES,
)
FREE: Final = Rules(duty={}, shelves=SHELVES)


def item(sku_id: int = 1, **changes: Any) -> Item:
    fields: dict[str, Any] = {
        "category_id": 1,
        "brand_id": 1,
        "merchant_id": 1,
        "merchant_country": "CN",
        "quantity": 1,
        "unit_price_minor": 10_000,
        "currency": "CNY",
    }
    return Item(sku_id=sku_id, **{**fields, **changes})


def off(**terms: Any) -> Offer:
    return Offer(**{"currency": "CNY", **terms})


def amounts(priced: Price) -> list[int]:
    """Return discount, shipping, duty and total."""
    sums = (priced.discount, priced.shipping, priced.duty, priced.total)
    return [amount.amount_minor for amount in sums]


def test_goods_alone_cost_what_they_cost() -> None:
    priced = price([item(quantity=3)], country="CN", rules=FREE, offer=None)

    assert amounts(priced) == [0, 0, 0, 30_000]
    assert (priced.parts[0].days_least, priced.parts[0].days_most) == (None, None)


def test_a_percentage_is_rounded_half_up_and_split_by_largest_remainder() -> None:
    things = [item(n, unit_price_minor=price) for n, price in enumerate((333, 333, 334), start=1)]

    priced = price(things, country="CN", rules=FREE, offer=off(percent_basis_points=1_005))

    assert amounts(priced) == [101, 0, 0, 899]  # 100.5 of 1000, rounded half up
    assert [line.discount_minor for line in priced.lines] == [34, 33, 34]


@pytest.mark.parametrize(("worth", "taken_off"), [(1, 1), (299, 299), (300, 300), (5_000, 300)])
def test_an_amount_is_never_more_than_the_goods(worth: int, taken_off: int) -> None:
    things = [item(1, unit_price_minor=100), item(2, unit_price_minor=200)]

    priced = price(things, country="CN", rules=FREE, offer=off(amount_minor=worth))

    assert amounts(priced) == [taken_off, 0, 0, 300 - taken_off]


def test_a_brands_coupon_applies_to_its_goods_alone() -> None:
    things = [item(1, brand_id=1), item(2, brand_id=2)]

    priced = price(
        things, country="CN", rules=FREE, offer=off(percent_basis_points=5_000, brand_id=2)
    )

    assert [line.discount_minor for line in priced.lines] == [0, 5_000]


def test_a_coupon_for_another_brand_or_currency_or_for_gifts_is_not_for_these() -> None:
    for thing, offer in (
        (item(), off(amount_minor=1, brand_id=9)),
        (item(), off(amount_minor=1, currency="JPY")),
        (item(unit_price_minor=0), off(amount_minor=1)),
    ):
        with pytest.raises(CouponNotForThese):
            price([thing], country="CN", rules=FREE, offer=offer)


def test_what_is_missing_to_the_minimum_counts_only_what_the_coupon_is_for() -> None:
    things = [item(1, brand_id=1, unit_price_minor=4_000), item(2, brand_id=2)]
    offer = off(amount_minor=100, minimum_minor=5_000, brand_id=1)

    with pytest.raises(CouponMinimumNotReached) as raised:
        price(things, country="CN", rules=FREE, offer=offer)

    assert raised.value.extra == {"missing": {"amount_minor": 1_000, "currency": "CNY"}}
    reached = [replace(things[0], unit_price_minor=5_000), things[1]]
    assert amounts(price(reached, country="CN", rules=FREE, offer=offer))[0] == 100


@pytest.mark.parametrize(
    ("thing", "country", "fee", "days"),
    [
        (item(), "CN", 800, (1, 4)),  # the destination's own rule
        (item(merchant_id=2), "CN", 0, (1, 1)),  # the merchant's own comes first
        (item(), "IT", 3_000, (7, 21)),  # across a border, in yuan
        (item(currency="JPY"), "IT", 0, (7, 21)),  # in any other currency
        (item(merchant_id=2), "IT", 3_000, (7, 21)),  # the merchant's is for domestic parcels
        (item(merchant_country="IT"), "IT", 0, (2, 5)),  # within another country
        (item(unit_price_minor=50_000), "IT", 0, (7, 21)),  # free from 500.00
        (item(unit_price_minor=49_999), "IT", 3_000, (7, 21)),
    ],
)
def test_the_most_specific_shipping_rule_counts(
    thing: Item, country: str, fee: int, days: tuple[int, int]
) -> None:
    (part,) = price([thing], country=country, rules=RULES, offer=None).parts

    assert part.shipping_minor == fee
    assert (part.days_least, part.days_most) == days


def test_shipping_is_free_from_what_the_goods_cost_after_the_discount() -> None:
    thing = item(unit_price_minor=50_000)

    with_coupon = price([thing], country="IT", rules=RULES, offer=off(amount_minor=1))

    assert with_coupon.shipping.amount_minor == 3_000


def test_each_merchant_ships_a_part_of_its_own() -> None:
    things = [item(3), item(2, merchant_id=4, merchant_country="IT"), item(1)]

    priced = price(things, country="IT", rules=RULES, offer=None)

    assert [part.merchant_id for part in priced.parts] == [1, 4]
    assert [part.is_cross_border for part in priced.parts] == [True, False]
    assert [part.shipping_minor for part in priced.parts] == [3_000, 0]
    assert [[line.item.sku_id for line in part.lines] for part in priced.parts] == [[1, 3], [2]]


@pytest.mark.parametrize(
    ("category_id", "merchant_country", "country", "duty"),
    [
        (1, "CN", "CN", 0),  # no border, no duty
        (1, "FR", "CN", 910),
        (3, "FR", "CN", 910),  # the country's own row before another's for the category
        (1, "CN", "IT", 2_200),  # inside a category with a row
        (3, "CN", "IT", 500),
        (99, "CN", "IT", 1_000),  # a category that nobody knows
    ],
)
def test_duty_is_by_destination_and_category(
    category_id: int, merchant_country: str, country: str, duty: int
) -> None:
    thing = item(category_id=category_id, merchant_country=merchant_country)

    priced = price([thing], country=country, rules=RULES, offer=None)

    assert priced.duty.amount_minor == duty


def test_duty_is_taken_on_what_is_paid_and_rounded_half_up_on_each_line() -> None:
    foreign = [item(n, merchant_country="IT", unit_price_minor=550) for n in (1, 2)]

    priced = price(foreign, country="CN", rules=RULES, offer=None)
    reduced = price(foreign, country="CN", rules=RULES, offer=off(percent_basis_points=5_000))

    assert [line.duty_minor for line in priced.lines] == [50, 50]  # 50.05 each
    assert [line.duty_minor for line in reduced.lines] == [25, 25]  # 25.025 each
    assert half_up(50, basis_points=910) == 5  # 4.55
    assert half_up(5, basis_points=1_000) == 1  # 0.5


def test_several_currencies_have_no_price() -> None:
    with pytest.raises(MixedCurrencies):
        price([item(1), item(2, currency="JPY")], country="CN", rules=FREE, offer=None)


@st.composite
def carts(draw: st.DrawFn) -> Sequence[Item]:
    currency = draw(st.sampled_from(["CNY", "JPY", "KWD"]))
    sku_ids = draw(st.lists(st.integers(1, 50), min_size=1, max_size=8, unique=True))
    merchants = {1: "CN", 2: "IT", 3: "JP"}
    return [
        item(
            sku_id,
            category_id=draw(st.integers(1, 4)),
            brand_id=(merchant_id := draw(st.integers(1, 3))),
            merchant_id=merchant_id,
            merchant_country=merchants[merchant_id],
            quantity=draw(st.integers(1, 999)),
            unit_price_minor=draw(st.integers(0, 2_000_000)),
            currency=currency,
        )
        for sku_id in sku_ids
    ]


TERMS: Final = st.one_of(
    st.none(),
    st.builds(lambda share: {"percent_basis_points": share}, st.integers(1, 10_000)),
    st.builds(lambda amount: {"amount_minor": amount}, st.integers(1, 10**9)),
)


@given(
    cart=carts(),
    terms=TERMS,
    brand_id=st.sampled_from([None, 1, 2]),
    country=st.sampled_from(["CN", "IT", "US"]),
    seed=st.integers(),
)
def test_money_adds_up_whatever_is_bought(
    cart: Sequence[Item],
    terms: dict[str, int] | None,
    brand_id: int | None,
    country: str,
    seed: int,
) -> None:
    currency = cart[0].currency
    offer = Offer(**terms, currency=currency, brand_id=brand_id) if terms else None
    meant = [thing for thing in cart if brand_id in {None, thing.brand_id}]
    goods = sum(thing.goods_minor for thing in meant)
    if offer and not goods:
        with pytest.raises(CouponNotForThese):
            price(cart, country=country, rules=RULES, offer=offer)
        return

    priced = price(cart, country=country, rules=RULES, offer=offer)
    shuffled = Random(seed).sample(list(cart), len(cart))  # noqa: S311 - no secret

    assert price(shuffled, country=country, rules=RULES, offer=offer) == priced
    lines = [line for part in priced.parts for line in part.lines]
    assert sorted(line.item.sku_id for line in lines) == sorted(thing.sku_id for thing in cart)
    shipping = sum(part.shipping_minor for part in priced.parts)
    whole = sum(line.total_minor + line.duty_minor for line in lines) + shipping
    assert (priced.total.amount_minor, priced.total.currency) == (whole, currency)
    for line in lines:
        assert 0 <= line.discount_minor <= line.item.goods_minor
        assert line.item in meant or line.discount_minor == 0
        assert line.duty_minor >= 0
    if offer:
        most = goods if offer.amount_minor is None else min(offer.amount_minor, goods)
        assert priced.discount.amount_minor <= most
        if offer.amount_minor is not None:
            assert priced.discount.amount_minor == most
        else:
            exact = goods * (offer.percent_basis_points or 0) / 10_000
            assert abs(priced.discount.amount_minor - exact) <= 0.5 + exact * 1e-9


@given(total=st.integers(0, 10**12), units=st.lists(st.integers(1, 50), min_size=1, max_size=9))
def test_what_is_given_back_bit_by_bit_is_never_too_much_and_all_in_the_end(
    total: int, units: list[int]
) -> None:
    quantity, given, back = sum(units), 0, 0
    for some in units:
        back += some
        portion = share_of(total, units=back, of=quantity) - given
        given += portion
        assert portion >= 0
        assert given * quantity <= total * back < (given + 1) * quantity

    assert given == total
