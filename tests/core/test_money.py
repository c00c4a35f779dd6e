"""Money adds, splits and refuses without losing a cent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshop.core.money import CurrencyMismatch, Money, split_minor, total

weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(sum)


@given(st.integers(-(10**12), 10**12), weights)
def test_the_parts_of_a_split_sum_to_the_whole(amount: int, parts: list[int]) -> None:
    assert sum(split_minor(amount, parts)) == amount


@given(st.integers(-(10**12), 10**12), weights)
def test_no_part_is_a_whole_unit_away_from_its_quota(amount: int, parts: list[int]) -> None:
    for part, weight in zip(split_minor(amount, parts), parts, strict=True):
        assert abs(part * sum(parts) - amount * weight) < sum(parts)


@given(st.integers(0, 10**12), weights)
def test_a_refund_mirrors_what_it_refunds(amount: int, parts: list[int]) -> None:
    assert split_minor(-amount, parts) == [-part for part in split_minor(amount, parts)]


def test_what_is_left_goes_to_the_largest_remainders_then_to_the_first() -> None:
    assert split_minor(100, [1, 1, 1]) == [34, 33, 33]
    assert split_minor(10, [1, 2, 1]) == [3, 5, 2]


@pytest.mark.parametrize("bad", [[], [0, 0], [1, -1], [2, -1]])
def test_weights_that_divide_nothing_are_refused(bad: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split_minor(100, bad)


def test_amounts_of_different_currencies_are_never_put_together() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(CurrencyMismatch):
        total([Money(1, "USD")], currency="CNY")


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(129_00, "CNY"), "129.00 CNY"),
        (Money(-5, "CNY"), "-0.05 CNY"),
        (Money(1_234_567, "JPY"), "1,234,567 JPY"),
        (Money(1_005, "KWD"), "1.005 KWD"),
    ],
)
def test_an_amount_is_shown_with_the_decimals_of_its_currency(money: Money, text: str) -> None:
    assert str(money) == text
