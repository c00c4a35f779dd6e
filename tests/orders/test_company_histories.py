"""Whatever companies say, in whatever order, between whatever people do: books, stock and money add
up after each step, and a step that died halfway never was.

The company is the sandbox's own process. What it took and gave back is compared with the books when
a history ends, after everything that was unknown has been asked about.
"""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final
from uuid import uuid4

import httpx
import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orders.errors import WebhookRefused
from orders.models import Entry, Order, OrderLine, Payment, Repayment, WebhookDelivery
from orders.providers.signatures import signature_of
from orders.providers.types import Outcome
from orders.services import payment, repayment, watching, webhooks
from orders.services import reconciliation as books
from redshop.catalog.models import Sku
from redshop.catalog.services import reconciliation as stock
from redshop.core.errors import DomainError
from tests.companies import WEBHOOK_SECRET, Company
from tests.orders.test_histories import (
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
)
from tests.orders.world import NOW
from tests.transactions import undurable

AT: Final = NOW + timedelta(hours=1)
#: When everybody has lost patience: what is still unknown then is given up.
AT_LAST: Final = AT + timedelta(days=1)
STEPS: Final = 20
HEADER: Final = "Sandbox-Signature"

TOKENS: Final = st.sampled_from(["tok_ok", "tok_ok", "tok_declined", "tok_3ds", "tok_cut"])
DECISIONS: Final = st.sampled_from(["approve", "approve", "refuse", None])
VERBS: Final = (
    "pay", "decline", "ship", "ship_some", "deliver", "complete", "cancel", "expire",
    "refund", "refund_some", "ask_back", "decide", "refuse", "receive",
)  # fmt: skip
SENSIBLE: Final = {
    "placed": ("pay", "pay", "pay", "pay", "decline", "cancel", "expire"),
    "paid": ("ship", "ship", "ship_some", "ship_some", "refund_some", "cancel"),
    "shipped": ("deliver", "deliver", "ask_back", "refund_some"),
    "delivered": ("ask_back", "ask_back", "ask_back", "complete", "refund_some"),
}
DEATHS: Final = st.sampled_from([False] * 9 + [True])
UNITS: Final = st.tuples(*[st.sampled_from([0, 1, 1, 1, 2, 3])] * 3)
SAID: Final = st.sampled_from(["succeeded", "failed", "requires_action", "canceled"])


class Died(Exception):
    """The process ended before its transaction did."""


class Life(RuleBasedStateMachine):
    """One order, its buyer, the shop, and the company, in any order."""

    company: ClassVar[Company]
    done: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.is_news = False
        self.around = undurable()
        self.around.__enter__()

    @initialize(lines=LINES, terms=TERMS)
    def is_placed(self, lines: list[tuple[int, int]], terms: Terms) -> None:
        self.order, self.skus = buy(lines, terms)
        self.begun: list[Payment] = []
        self.heard: list[tuple[bytes, dict[str, str]]] = []
        self.seen, self.is_news = everything(self.order), True

    # what people do

    @rule(data=st.data(), units=UNITS, is_restocked=st.booleans(), dies=DEATHS)
    def people_do_what_makes_sense(self, data: st.DataObject, **how: Any) -> None:
        self.act(data.draw(st.sampled_from(self.sensible())), **how)

    @rule(verb=st.sampled_from(VERBS), units=UNITS, is_restocked=st.booleans(), dies=DEATHS)
    def people_do_anything(self, verb: str, **how: Any) -> None:
        self.act(verb, **how)

    def sensible(self) -> tuple[str, ...]:
        """Return what is done with an order such as this; some of it more often."""
        if any(line["returning_quantity"] for line in self.seen[2]):
            return ("decide", "decide", "refuse", "receive", "receive", "receive")
        return SENSIBLE.get(self.state, ("ask_back", "refund_some", "refund"))

    def act(self, verb: str, *, units: Any, is_restocked: bool, dies: bool) -> None:
        self.step(verb, lambda: do(Act(verb, units, is_restocked), self.order), dies=dies)

    # what the shop asks of the company, and what it hears

    @rule(token=TOKENS, is_heard=st.booleans(), decision=DECISIONS, dies=DEATHS)
    @precondition(lambda self: self.state == "placed")
    def somebody_pays(self, token: str, is_heard: bool, decision: str | None, dies: bool) -> None:
        """Begin, ask, and let the answer come or not; the buyer may have to confirm."""

        def begin() -> None:
            begun = payment.begin_payment(order_id=self.order.pk, method="sandbox", at=AT)
            self.begun.append(begun)

        self.step("begins", begin, dies=False)
        about = self.newest()
        if about is None or about.settled_at is not None or about.action_url:
            return
        answer = payment.ask(about, token=token)
        self.step("settles", lambda: settle(about, answer if is_heard else None), dies=dies)
        if token == "tok_3ds" and decision:
            page = self.company.look_up(str(about.pk)).get("action_url")
            if page:
                httpx.post(page, data={"decision": decision})

    @rule(said=SAID, dies=DEATHS)
    @precondition(lambda self: self.begun)
    def a_webhook_comes(self, said: str, dies: bool) -> None:
        """It may say what is not so, for it is a hint; the company is asked."""
        event = {
            "id": f"evt_{uuid4().hex}",
            "type": f"charge.{said}",
            "data": {"id": str(self.begun[-1].pk), "state": said},
        }
        body = json.dumps(event).encode()
        self.heard.append((body, signed(body)))
        self.step("webhook", lambda: receive(*self.heard[-1]), dies=dies)

    @rule(data=st.data(), dies=DEATHS)
    @precondition(lambda self: self.heard)
    def a_webhook_comes_again(self, data: st.DataObject, dies: bool) -> None:
        again = data.draw(st.sampled_from(self.heard))
        kept = WebhookDelivery.objects.filter(body=again[0].decode())
        self.step("webhook again", lambda: receive(*again), dies=dies)
        assert kept.count() <= 1

    @rule(how=st.sampled_from(["forged", "stale", "altered"]))
    @precondition(lambda self: self.begun)
    def somebody_else_sends_a_webhook(self, how: str) -> None:
        event = {"id": "evt_x", "type": "charge.succeeded", "data": {"id": str(self.begun[-1].pk)}}
        body = json.dumps(event).encode()
        headers = {
            "forged": signed(body, secret="guessed"),
            "stale": signed(body, minutes=6),
            "altered": signed(body + b" "),
        }[how]
        with pytest.raises(WebhookRefused):
            receive(body, headers)
        assert everything(self.order) == self.seen

    @rule(position=st.sampled_from(["at_once", "at_once", "failing"]), dies=DEATHS)
    @precondition(lambda self: self.begun)
    def money_is_sent_back(self, position: str, dies: bool) -> None:
        self.company.behave(refunds=position)
        self.step("sends back", lambda: repayment.send_due(at=AT), dies=dies)

    @rule(dies=DEATHS)
    @precondition(lambda self: any(back["state"] == "failed" for back in self.seen[6] or ()))
    def a_failed_repayment_is_tried_again(self, dies: bool) -> None:
        failed = self.backs().filter(state="failed").latest("pk")
        again = partial(repayment.try_repayment_again, repayment_id=failed.pk, at=AT)
        self.step("tries again", again, dies=dies)

    # what is always so

    @invariant()
    def money_units_and_states_add_up(self) -> None:
        """What a refused step left exactly as it was has been looked at before."""
        if self.is_news:
            self.look()
            self.is_news = False

    def look(self) -> None:
        now = Order.objects.prefetch_related("parts", "refunds").get(pk=self.order.pk)
        rows = list(self.lines().select_related("sku").order_by("pk"))
        if now.payment_state != "pending":
            assert_money_adds_up(now, rows)
        assert_units_add_up(now, rows)
        assert_returns_add_up(now, rows)
        assert_states_add_up(now)
        assert books.differing([now.pk]) == {}
        assert_books_balance(now)
        assert_nothing_goes_back_twice(now)
        assert_movements_add_up(self.skus)

    def teardown(self) -> None:
        """Ask about everything that is unknown, look once more, and undo the whole history."""
        try:
            if hasattr(self, "order"):
                self.ends()
        finally:
            transaction.set_rollback(True)
            self.around.__exit__(None, None, None)

    def ends(self) -> None:
        """Ask about everything that is unknown; then the company's record and ours are one."""
        self.company.behave(refunds="at_once")
        for failed in self.backs().filter(state="failed"):
            with suppress(DomainError):
                repayment.try_repayment_again(repayment_id=failed.pk, at=AT)
        while watching.watch_due(at=AT_LAST) + repayment.send_due(at=AT_LAST):
            pass
        self.look()
        assert list(stock.compare().differences) == []
        owed = Order.objects.get(pk=self.order.pk).refunded_minor
        owed += sum(late.amount_minor for late in self.payments().filter(is_late=True))
        assert sum(ours.repaid_minor for ours in self.payments()) == owed
        for ours in self.payments().filter(method="sandbox", amount_minor__gt=0):
            theirs = self.company.look_up(str(ours.pk))
            took = theirs["amount_minor"] if theirs.get("state") == "succeeded" else 0
            assert took == (ours.amount_minor if ours.state == "succeeded" else 0)
            assert theirs.get("refunded_minor", 0) == ours.repaid_minor

    # how it is done and seen

    def step(self, name: str, deed: Callable[[], object], *, dies: bool) -> None:
        """Do something; a refusal and a death on the way change nothing."""
        before = self.seen
        try:
            if dies:
                die_at_the_end_of(deed)
            deed()
            self.seen = everything(self.order)
            self.done[name if self.seen != before else f"{name}: nothing"] += 1
            self.is_news = self.is_news or self.seen != before
        except (DomainError, Died) as end:
            self.done[type(end).__name__] += 1
            assert everything(self.order) == before

    @property
    def state(self) -> str:
        return str(self.seen[0])

    def lines(self) -> Any:
        return OrderLine.objects.filter(order=self.order)

    def payments(self) -> Any:
        return Payment.objects.filter(order=self.order)

    def backs(self) -> Any:
        return Repayment.objects.filter(payment__order=self.order)

    def newest(self) -> Any:
        return self.payments().filter(method="sandbox").order_by("created_at", "pk").last()


def settle(about: Payment, outcome: Outcome | None) -> Payment:
    return payment.settle_payment(payment_id=about.pk, outcome=outcome, at=AT)


def receive(body: bytes, headers: dict[str, str]) -> object:
    return webhooks.receive(company="sandbox", body=body, headers=headers, at=AT)


def signed(body: bytes, *, secret: str = WEBHOOK_SECRET, minutes: int = 0) -> dict[str, str]:
    moment = int((AT - timedelta(minutes=minutes)).timestamp())
    return {HEADER: f"t={moment},v1={signature_of(body, secret=secret, moment=moment)}"}


_EVERYTHING: Final = """
WITH this AS (SELECT %s::uuid AS id), payment AS (
    SELECT * FROM orders_payment WHERE order_id = (SELECT id FROM this)
), line AS (
    SELECT * FROM orders_orderline WHERE order_id = (SELECT id FROM this)
)
SELECT (SELECT state FROM orders_order JOIN this USING (id)),
       (SELECT json_agg(o) FROM orders_order o JOIN this USING (id)),
       (SELECT json_agg(l ORDER BY id) FROM line l),
       (SELECT json_agg(p ORDER BY id) FROM orders_orderpart p
        WHERE order_id = (SELECT id FROM this)),
       (SELECT count(*) FROM orders_transition WHERE order_id = (SELECT id FROM this)),
       (SELECT json_agg(p ORDER BY id) FROM payment p),
       (SELECT json_agg(r ORDER BY id) FROM orders_repayment r
        WHERE payment_id IN (SELECT id FROM payment)),
       (SELECT count(*) FROM orders_webhookdelivery WHERE payment_id IN (SELECT id FROM payment)),
       (SELECT count(*) FROM orders_refundline WHERE line_id IN (SELECT id FROM line)),
       (SELECT json_agg(r ORDER BY r.id) FROM orders_return r
        WHERE order_id = (SELECT id FROM this)),
       (SELECT json_agg(r ORDER BY r.id) FROM orders_returnline r
        WHERE line_id IN (SELECT id FROM line)),
       (SELECT json_agg(e ORDER BY e.id) FROM orders_entry e JOIN orders_posting p
        ON p.id = e.posting_id AND p.order_id = (SELECT id FROM this)),
       (SELECT json_agg(s ORDER BY s.id) FROM catalog_sku s
        WHERE s.id IN (SELECT sku_id FROM line))
"""


def everything(order: Order) -> Any:
    """Return all that a step could change."""
    with connection.cursor() as cursor:
        cursor.execute(_EVERYTHING, [order.pk])
        return cursor.fetchone()


def assert_books_balance(order: Order) -> None:
    """Every posting sums to zero, and the clearing accounts hold what companies took and have not
    sent back."""
    entries = Entry.objects.filter(posting__order=order)
    sums = entries.order_by().values("posting").annotate(sum=Sum("amount_minor"))
    assert {row["sum"] for row in sums} <= {0}
    paid = Payment.objects.filter(order=order, state="succeeded")
    taken = paid.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    back = Repayment.objects.filter(payment__order=order, state="succeeded")
    sent = back.aggregate(sum=Sum("amount_minor"))["sum"] or 0
    clearing = entries.filter(account__kind="clearing").aggregate(sum=Sum("amount_minor"))["sum"]
    assert (clearing or 0) == taken - sent


def assert_nothing_goes_back_twice(order: Order) -> None:
    for one in Payment.objects.filter(order=order, state="succeeded"):
        going = one.repayments.exclude(state="failed").aggregate(sum=Sum("amount_minor"))["sum"]
        assert one.repaid_minor == (going or 0) <= one.amount_minor


_MOVED: Final = """
SELECT sku.code, sku.on_hand, sum(movement.on_hand), sku.reserved, sum(movement.reserved)
FROM catalog_sku AS sku JOIN catalog_stockmovement AS movement ON movement.sku_id = sku.id
WHERE sku.id = ANY(%s)
GROUP BY sku.id
HAVING sku.on_hand <> sum(movement.on_hand) OR sku.reserved <> sum(movement.reserved)
"""


def assert_movements_add_up(skus: list[Sku]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, [[sku.pk for sku in skus]])
        assert cursor.fetchall() == []


def die_at_the_end_of(deed: Callable[[], object]) -> None:
    """Do it all, and roll it all back, as the end of a process would.

    Raises:
        Died: always, unless it was refused first.
    """
    with undurable():
        deed()
        raise Died


CALM: Final = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
]


def live(company: Company, *, histories: int, derandomize: bool) -> None:
    Life.company, Life.done = company, Counter()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS,
            derandomize=derandomize,
            phases=[Phase.generate],
            suppress_health_check=CALM,
        ),
    )
    print(dict(Life.done))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("histories", "steps"), [(45, 600), pytest.param(130, 2_000, marks=pytest.mark.soak)]
)
def test_so_many_steps_add_up(company: Company, histories: int, steps: int) -> None:
    live(company, histories=histories, derandomize=True)

    assert sum(Life.done.values()) >= steps


def forget(*_args: Any, **_kwargs: Any) -> None:
    """Do nothing, where something ought to be done."""


@pytest.mark.django_db
@pytest.mark.parametrize(
    "step",
    [
        "redshop.catalog.services.stock.release",
        "orders.services.coupons.release",
        "orders.services.bookkeeping.post_refund",
        "orders.services.repayment.request_for",
    ],
)
def test_what_is_forgotten_is_noticed(
    step: str, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, forget)

    with pytest.raises(AssertionError, match="Failing test case"):
        live(company, histories=60, derandomize=True)


@pytest.mark.soak
@pytest.mark.django_db
def test_a_hundred_thousand_steps_add_up(company: Company) -> None:
    live(company, histories=6_500, derandomize=False)

    assert sum(Life.done.values()) >= 100_000
