"""Whatever companies say, in whatever order, between whatever people do: books, stock and money add
up after each step, and a step that died halfway never was."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.models import Entry, Order, OrderLine, Payment, Repayment
from orders.providers.types import BackOutcome, Outcome
from orders.services import payment, repayment
from orders.services import reconciliation as books
from orders.states import PaymentAttempt, RepaymentState
from redshop.catalog.services import reconciliation as stock
from redshop.core.errors import DomainError
from tests.orders.test_histories import (
    ACTS,
    LINES,
    TERMS,
    Act,
    Terms,
    assert_money_adds_up,
    assert_returns_add_up,
    assert_states_add_up,
    assert_units_add_up,
    buy,
    do,
    story,
)
from tests.orders.world import NOW

AT: Final = NOW + timedelta(hours=1)
STEPS: Final = 20
SAYINGS: Final = {
    "says_yes": Outcome(state=PaymentAttempt.SUCCEEDED),
    "says_no": Outcome(state=PaymentAttempt.FAILED, failure_code="card_declined"),
    "asks": Outcome(state=PaymentAttempt.REQUIRES_ACTION, action_url="https://bank.example/"),
    "says_nothing": None,
}
BACK: Final = {
    "sends_back": BackOutcome(state=RepaymentState.SUCCEEDED),
    "is_slow": BackOutcome(state=RepaymentState.PENDING),
    "fails_to_send": BackOutcome(state=RepaymentState.FAILED, failure_code="refused"),
}
WORDS: Final = st.sampled_from(
    ["begins", "begins", "says_yes", "says_yes", "says_no", "asks", "says_nothing",
     "changes_its_mind", "sends_back", "is_slow", "fails_to_send", "is_tried_again"]
)  # fmt: skip


class Died(Exception):
    """The process ended before its transaction did."""


def company(word: str, order: Order) -> object:
    """Let the company say or do something about the order's newest payment, or money of its."""
    newest = Payment.objects.filter(order=order).order_by("-created_at", "-pk").first()
    if word == "begins":
        return payment.begin_payment(order_id=order.pk, method="sandbox", at=AT)
    if word == "changes_its_mind":
        failed = Payment.objects.filter(order=order, state="failed", method="sandbox").first()
        return failed and say(failed, SAYINGS["says_yes"])
    if word in SAYINGS:
        return newest and newest.method == "sandbox" and say(newest, SAYINGS[word])
    backs = Repayment.objects.filter(payment__order=order).order_by("pk")
    if word == "is_tried_again":
        failed_back = backs.filter(state="failed").last()
        return failed_back and repayment.try_repayment_again(repayment_id=failed_back.pk, at=AT)
    due = backs.filter(settled_at=None).first()
    return due and repayment.settle_repayment(repayment_id=due.pk, outcome=BACK[word], at=AT)


def say(about: Payment, outcome: Outcome | None) -> Payment:
    return payment.settle_payment(payment_id=about.pk, outcome=outcome, at=AT)


def everything(order: Order, skus: Any) -> Any:
    """Return all that a step could change."""
    payments = Payment.objects.filter(order=order).order_by("pk").values()
    backs = Repayment.objects.filter(payment__order=order).order_by("pk").values()
    entries = Entry.objects.filter(posting__order=order).order_by("pk").values()
    return [story(order, skus), list(payments), list(backs), list(entries)]


def assert_books_agree_with_companies(order: Order) -> None:
    """The clearing accounts hold what companies took and have not sent back."""
    paid = Payment.objects.filter(order=order, state="succeeded")
    taken = paid.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    back = Repayment.objects.filter(payment__order=order, state="succeeded")
    sent = back.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    clearing = Entry.objects.filter(posting__order=order, account__kind="clearing")
    assert (clearing.aggregate(sum=Sum("amount_minor"))["sum"] or 0) == taken - sent
    for one in paid:
        going = one.repayments.exclude(state="failed").aggregate(sum=Sum("amount_minor"))["sum"]
        assert one.repaid_minor == (going or 0) <= one.amount_minor
    assert list(books.compare().differences) == []
    assert list(stock.compare().differences) == []


def step(deed: Act | str, order: Order) -> Callable[[], object]:
    return lambda: company(deed, order) if isinstance(deed, str) else do(deed, order)


def live(lines: list[tuple[int, int]], terms: Terms, deeds: list[tuple[Act | str, bool]]) -> None:
    """Do one thing after another; of some the process dies before they are committed."""
    order, skus = buy(lines, terms)
    for deed, dies in deeds:
        before = everything(order, skus)
        try:
            if dies:
                die_at_the_end_of(step(deed, order))
            step(deed, order)()
        except (DomainError, Died):
            assert everything(order, skus) == before
        now = Order.objects.prefetch_related("parts", "refunds").get(pk=order.pk)
        rows = list(OrderLine.objects.filter(order=order).select_related("sku").order_by("pk"))
        if now.payment_state != "pending":
            assert_money_adds_up(now, rows)
        assert_units_add_up(now, rows)
        assert_returns_add_up(now, rows)
        assert_states_add_up(now)
        assert_books_agree_with_companies(order)


def die_at_the_end_of(deed: Callable[[], object]) -> None:
    """Do it all, and roll it all back, as the end of a process would.

    Raises:
        Died: always, unless it was refused first.
    """
    around = transaction.atomic()
    vars(around)["_from_testcase"] = True  # so that what is durable may be undone with it
    with around:
        deed()
        raise Died


DEEDS: Final = st.lists(
    st.tuples(st.one_of(ACTS, WORDS), st.sampled_from([False] * 9 + [True])),
    min_size=STEPS,
    max_size=STEPS,
)
CALM: Final = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
]


@pytest.mark.django_db
@settings(max_examples=100, derandomize=True, suppress_health_check=CALM)
@given(lines=LINES, terms=TERMS, deeds=DEEDS)
def test_two_thousand_steps_add_up(
    lines: list[tuple[int, int]], terms: Terms, deeds: list[tuple[Act | str, bool]]
) -> None:
    live(lines, terms, deeds)


@pytest.mark.soak
@pytest.mark.django_db
@settings(max_examples=5_000, suppress_health_check=CALM)
@given(lines=LINES, terms=TERMS, deeds=DEEDS)
def test_a_hundred_thousand_steps_add_up(
    lines: list[tuple[int, int]], terms: Terms, deeds: list[tuple[Act | str, bool]]
) -> None:
    live(lines, terms, deeds)
