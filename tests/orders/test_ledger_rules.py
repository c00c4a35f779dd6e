"""What each event puts in the books, as arithmetic: balanced, exact, undone to the last unit."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.ledger import rules
from orders.ledger.accounts import Account, AccountKind
from orders.ledger.rules import KeptLine, ReturnedUnits, Scope, SoldLine, SoldShipping
from orders.prices import share_of

CNY: Final = Scope("CNY", "real")
LINE: Final = SoldLine(
    merchant_id=1,
    quantity=3,
    goods_minor=2_703,
    duty_minor=246,
    subsidy_minor=300,
    marketplace_bp=500,
    payment_fee_bp=60,
)
SHIPPING: Final = SoldShipping(merchant_id=1, amount_minor=3_000, payment_fee_bp=60)

scopes = st.builds(Scope, st.sampled_from(["CNY", "JPY", "KWD"]), st.just("real"))
rates = st.integers(0, 10_000)
lines = st.builds(
    SoldLine,
    merchant_id=st.integers(1, 3),
    quantity=st.integers(1, 12),
    goods_minor=st.integers(0, 10**7),
    duty_minor=st.integers(0, 10**6),
    subsidy_minor=st.integers(0, 10**6),
    marketplace_bp=rates,
    payment_fee_bp=rates,
)


def shown(entries: rules.Entries) -> dict[str, int]:
    return {str(account): amount for account, amount in entries.items()}


def returned(line: SoldLine, before: int, units: int) -> ReturnedUnits:
    """Return what a refund of units says, by the arithmetic of refunds."""

    def share(total: int) -> int:
        upto = [share_of(total, units=n, of=line.quantity) for n in (before, before + units)]
        return upto[1] - upto[0]

    return ReturnedUnits(
        line=line,
        before=before,
        units=units,
        goods_minor=share(line.goods_minor),
        duty_minor=share(line.duty_minor),
    )


def test_a_sale_owes_each_their_part() -> None:
    entries = rules.sale(CNY, [LINE], [SHIPPING])

    assert shown(entries) == {
        "customer": 5_949,  # goods 27.03, duty 2.46, shipping 30.00
        "coupons": 300,
        "merchant_payable/1": -5_817,  # 30.03 + 30.00 less 1.50 and 0.18 + 0.18
        "platform_commission": -150,  # 5 % of 30.03, half up
        "payment_fee": -36,
        "duty_payable": -246,
    }
    assert sum(entries.values()) == 0


def test_the_brands_own_discount_is_the_merchants() -> None:
    entries = rules.sale(CNY, [replace(LINE, subsidy_minor=0)], [])

    assert shown(entries) == {
        "customer": 2_949,
        "merchant_payable/1": -2_552,  # 27.03 less 1.35 and 0.16
        "platform_commission": -135,
        "payment_fee": -16,
        "duty_payable": -246,
    }


def test_the_first_of_three_units_gives_back_a_third_rounded_down() -> None:
    entries = rules.refund(CNY, [returned(LINE, 0, 1)], [])

    assert shown(entries) == {
        "refunds": -983,
        "coupons": -100,
        "merchant_payable/1": 945,  # 9.01 + 1.00 less 0.50 and 0.06
        "platform_commission": 50,
        "payment_fee": 6,
        "duty_payable": 82,
    }


def test_money_passes_through_the_company_and_back() -> None:
    taken = rules.payment(CNY, method="stripe", amount_minor=500)
    late = rules.late_capture(CNY, method="stripe", amount_minor=70)
    back = rules.repayment(CNY, method="stripe", amount_minor=70)

    assert shown(taken) == {"clearing/stripe": 500, "customer": -500}
    assert shown(late) == {"clearing/stripe": 70, "refunds": -70}
    assert rules.together([late, back]) == {}


def test_what_is_paid_out_or_written_off_leaves_the_account_at_zero() -> None:
    merchant = Account(AccountKind.MERCHANT_PAYABLE, "1", "CNY", "real")

    assert shown(rules.paid_out(merchant, 900)) == {"merchant_payable/1": 900, "bank": -900}
    assert shown(rules.write_off(merchant, 40)) == {"write_offs": 40, "merchant_payable/1": -40}


@given(scope=scopes, data=st.data(), sold=st.lists(lines, min_size=1, max_size=4))
def test_whatever_the_steps_a_whole_refund_undoes_the_sale_to_the_last_unit(
    scope: Scope, data: Any, sold: Sequence[SoldLine]
) -> None:
    freight = [SoldShipping(merchant_id=1, amount_minor=data.draw(st.integers(0, 10**5)))]
    postings = [rules.sale(scope, sold, freight)]
    due = -postings[0].get(scope.account(AccountKind.CUSTOMER), 0)

    for line in sold:
        cuts = data.draw(st.sets(st.integers(1, line.quantity - 1))) if line.quantity > 1 else set()
        for before, after in pairwise([0, *sorted(cuts), line.quantity]):
            postings.append(rules.refund(scope, [returned(line, before, after - before)], []))
    postings.append(rules.refund(scope, [], freight))

    assert all(sum(entries.values()) == 0 for entries in postings)
    left = rules.together(postings)
    assert left == rules.together(
        [{scope.account(AccountKind.CUSTOMER): -due, scope.account(AccountKind.REFUNDS): due}]
    )


@given(line=lines, data=st.data())
def test_in_between_as_much_stands_however_one_came_there(line: SoldLine, data: Any) -> None:
    units = data.draw(st.integers(1, line.quantity))

    one_by_one = [rules.refund(CNY, [returned(line, n, 1)], []) for n in range(units)]

    assert rules.together(one_by_one) == rules.refund(CNY, [returned(line, 0, units)], [])


@given(
    kept=st.integers(0, 10**7),
    rate=rates,
    weights=st.dictionaries(st.integers(1, 6), st.integers(1, 10**9), min_size=1),
)
def test_a_commission_loses_no_unit_and_costs_the_merchant_what_creators_get(
    kept: int, rate: int, weights: dict[int, int]
) -> None:
    line = KeptLine(merchant_id=9, kept_minor=kept, commission_bp=rate, weights=weights)

    entries = rules.commission(CNY, [line], buyer_id=0)

    assert sum(entries.values()) == 0
    merchant = entries.get(CNY.account(AccountKind.MERCHANT_PAYABLE, 9), 0)
    assert merchant == (kept * rate + 5_000) // 10_000


def test_a_buyer_earns_nothing_by_their_own_note_and_nobody_gets_it_instead() -> None:
    line = KeptLine(merchant_id=9, kept_minor=10_000, commission_bp=1_000, weights={5: 1, 6: 1})

    entries = rules.commission(CNY, [line], buyer_id=5)

    assert shown(entries) == {"merchant_payable/9": 500, "creator_payable/6": -500}


def test_the_difference_is_what_is_still_to_be_posted() -> None:
    one, two = (CNY.account(AccountKind.CREATOR_PAYABLE, n) for n in (1, 2))

    assert rules.difference({one: -500}, {two: -500}) == {one: -500, two: 500}
    assert rules.difference({one: -500}, {one: -500}) == {}


def _rounds_half_up_each_time(total_minor: int, *, units: int, of: int) -> int:
    return (2 * total_minor * units + of) // (2 * of)


def _forgets_the_last_remainder(total_minor: int, *, units: int, of: int) -> int:
    return total_minor // of * units


@pytest.mark.parametrize("mutant", [_rounds_half_up_each_time, _forgets_the_last_remainder])
def test_rounding_in_another_way_would_be_noticed(
    mutant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "share_of", mutant)

    with pytest.raises(AssertionError):
        test_no_minor_unit_is_lost_when_nothing_divides()


def test_no_minor_unit_is_lost_when_nothing_divides() -> None:
    line = replace(LINE, quantity=7, goods_minor=1_000, duty_minor=11, subsidy_minor=3)
    back = [rules.refund(CNY, [returned(line, n, 1)], []) for n in range(7)]

    first, *_, last = (shown(entries) for entries in back)
    assert (first["refunds"], last["refunds"]) == (-143, -145)
    assert "payment_fee" not in first  # a seventh of 6: rounded down
    assert shown(rules.together(back)) == {
        "refunds": -1_011,
        "coupons": -3,
        "merchant_payable/1": 947,
        "platform_commission": 50,
        "payment_fee": 6,
        "duty_payable": 11,
    }
