"""Lives of payments at the real company while the shop hears nothing of it: answers are lost,
buyers confirm later, what was given up succeeds; then all webhooks are there to be delivered."""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx
from django.db import transaction
from django.utils import timezone

from config.processes import wait_until
from orders import factories, selectors_ledger
from orders.models import Order, Payment, Posting, Refund, Repayment, Transition
from orders.services import cancellation, payment, refunds, repayment, watching
from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory
from redshop.catalog.models import Category, Sku, StockMovement
from redshop.core.models import Fact
from redshop.events.models import Event
from tests.companies import Company, Shop

#: What is known to the shop before any webhook comes, by kind of history: each is a token, and
#: what becomes of it: "heard" (the answer comes), "lost" (it does not), "approve" or "refuse" (on
#: the company's page), "given_up" (and it succeeds after all); or what a person does.
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "paid": ("tok_ok heard", "refunds"),
    "paid, then cancelled": ("tok_ok heard", "cancels"),
    "declined, then paid": ("tok_declined heard", "tok_ok heard", "refunds"),
    "answer lost": ("tok_cut lost",),
    "declined, then lost": ("tok_declined heard", "tok_cut lost"),
    "confirmed": ("tok_3ds heard", "approve"),
    "confirmed, answer lost": ("tok_3ds lost", "approve"),
    "not confirmed": ("tok_3ds heard", "refuse"),
    "settled later": ("tok_async heard",),
    "declined later": ("tok_async_declined heard",),
    "given up, still waiting": ("tok_3ds heard", "given_up"),
    "given up, cancelled": ("tok_3ds heard", "given_up", "cancels"),
    "given up, expired": ("tok_3ds heard", "given_up", "expires"),
    "given up, paid by another": ("tok_3ds heard", "given_up", "tok_ok heard", "refunds"),
    "given up, another lost": ("tok_3ds heard", "given_up", "tok_cut lost"),
    "given up twice, expired": (
        "tok_3ds heard", "given_up", "tok_3ds heard", "given_up", "expires",
    ),
}  # fmt: skip
GIVEN_UP_AFTER: Final = timedelta(minutes=16)
EXPIRED_AFTER: Final = timedelta(hours=24)
LATE_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook as the company sent it, and when."""

    event_id: str
    payment_id: str
    sent_at: float
    body: bytes


@dataclass
class Histories:
    """So many histories, chosen by a seed: two of the same seed differ in their ids alone."""

    company: Company
    shop: Shop
    buyer: User
    shelf: Category
    orders: list[Order] = field(default_factory=list)
    skus: list[Sku] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def live(self, number: int, *, seed: int) -> None:
        """Live them, as far as the shop comes without hearing of the company."""
        chance = random.Random(seed)  # noqa: S311 - a repeatable choice, not a secret
        self.skus = [
            SkuFactory.create(on_hand=10 * number, price_minor=price, product__category=self.shelf)
            for price in (900, 4_500)
        ]
        names = list(KINDS)
        wanted = [names[place % len(names)] for place in range(number)]
        self.kinds = sorted(wanted, key=is_given_up)
        self.company.behave(refunds="later")
        for place, kind in enumerate(self.kinds):
            if is_given_up(kind) and not is_given_up(self.kinds[place - 1]):
                # what is declined later must not succeed after all by the switch for these
                assert wait_until(self._is_quiet, seconds=60, pause=0.1)
            self._live(kind, chance)

    @property
    def payment_ids(self) -> set[str]:
        ours = Payment.objects.filter(order__in=self.orders).values_list("pk", flat=True)
        return {str(pk) for pk in ours}

    def letters(self) -> list[Letter]:
        """Return what the company has told so far, once everything is settled there."""
        assert wait_until(self._is_quiet, seconds=30, pause=0.1)
        ours = self.payment_ids
        told = [_letter(body) for body in list(self.shop.bodies)]
        mine = {letter.event_id: letter for letter in told if letter.payment_id in ours}
        return sorted(mine.values(), key=lambda letter: letter.sent_at)

    def send_back(self) -> None:
        """Have the company asked for all money that is to go back now."""
        while repayment.send_due(at=timezone.now()):
            pass

    def _is_quiet(self) -> bool:
        record, ours = self.company.record(), self.payment_ids
        charges = [one for one in record["charges"] if one["id"] in ours]
        going = [one for one in record["refunds"] if one["charge_id"] in ours]
        is_open = {one["state"] for one in (*charges, *going)} & {"pending", "canceled"}
        return not is_open and record["webhooks_waiting"] == 0

    def _live(self, kind: str, chance: random.Random) -> None:
        wanted = self.skus[: chance.randint(1, 2)]
        order = factories.placed(
            self.buyer, *wanted, quantity=chance.randint(1, 3), at=timezone.now()
        )
        self.orders.append(order)
        for step in KINDS[kind]:
            token, _, answer = step.partition(" ")
            if answer:
                pay(order, token, is_heard=answer == "heard")
            else:
                getattr(self, f"_{token}")(order, chance)

    def _approve(self, order: Order, _chance: random.Random) -> None:
        self._decide(order, "approve")

    def _refuse(self, order: Order, _chance: random.Random) -> None:
        self._decide(order, "refuse")

    def _decide(self, order: Order, decision: str) -> None:
        page = f"{self.company.url}/3ds/{newest(order).pk}"
        httpx.post(page, data={"decision": decision}).raise_for_status()

    def _given_up(self, order: Order, _chance: random.Random) -> None:
        self.company.behave(late_success_ms=LATE_MS)
        given_up = watching.look(newest(order), at=timezone.now() + GIVEN_UP_AFTER)
        self.company.behave(late_success_ms=0)
        assert given_up.state == "failed"

    def _cancels(self, order: Order, _chance: random.Random) -> None:
        cancellation.cancel_order(order_id=order.pk, at=timezone.now())
        self.send_back()

    def _expires(self, order: Order, _chance: random.Random) -> None:
        with transaction.atomic():
            assert cancellation.expire(order_id=order.pk, at=timezone.now() + EXPIRED_AFTER)

    def _refunds(self, order: Order, chance: random.Random) -> None:
        """Give one or two units back, each by itself; the company takes its time."""
        line = order.lines.order_by("pk")[0]
        for _ in range(min(chance.randint(1, 2), line.quantity)):
            refunds.refund_order(order_id=order.pk, quantities={line.pk: 1}, at=timezone.now())
        self.send_back()


def is_given_up(kind: str) -> bool:
    return "given_up" in KINDS[kind]


def pay(order: Order, token: str, *, is_heard: bool) -> None:
    """Pay with a card; the company's answer is heard, or is lost on its way."""
    at = timezone.now()
    begun = payment.begin_payment(order_id=order.pk, method="sandbox", at=at)
    outcome = payment.ask(begun, token=token)
    payment.settle_payment(payment_id=begun.pk, outcome=outcome if is_heard else None, at=at)


def newest(order: Order) -> Payment:
    return Payment.objects.filter(order=order).latest("created_at", "pk")


def _letter(body: bytes) -> Letter:
    event = json.loads(body)
    about = event["data"].get("charge_id") or event["data"]["id"]
    return Letter(event["id"], about, float(event["created_at"]), body)


def ends(histories: Histories) -> list[dict[str, Any]]:
    """Return the end of each history: everything that is kept of its order, its money, its units
    and its facts, but for moments and ids.

    Which of two cards paid an order, and which came too late, may depend on what is heard first;
    so the payments of an order are a heap, not a row.
    """
    orders = list(Order.objects.filter(pk__in=[order.pk for order in histories.orders]))
    found: dict[UUID, dict[str, Any]] = {
        order.pk: {
            "order": (order.state, order.payment_state, order.total_minor, order.refunded_minor),
            "is_paid": order.paid_at is not None,
        }
        for order in orders
    }
    ids = list(found)
    heaps: dict[str, Any] = {
        "steps": Transition.objects.filter(order__in=ids, part=None).values_list(
            "order_id", "from_state", "to_state"
        ),
        "payments": Payment.objects.filter(order__in=ids).values_list(
            "order_id", "state", "failure_code", "is_late", "amount_minor", "repaid_minor"
        ),
        "refunds": Refund.objects.filter(order__in=ids).values_list("order_id", "amount_minor"),
        "repayments": Repayment.objects.filter(payment__order__in=ids).values_list(
            "payment__order_id", "state", "amount_minor", "refund__amount_minor"
        ),
        "postings": Posting.objects.filter(order__in=ids).values_list("order_id", "kind"),
        "events": Event.objects.filter(order_id__in=ids).values_list("order_id", "kind"),
        "movements": StockMovement.objects.filter(reference__in=ids).values_list(
            "reference", "kind", "on_hand", "reserved"
        ),
        "facts": [
            (order_id, fact.kind, fact.consumer)
            for fact in Fact.objects.all()
            if (order_id := _order_of(fact)) in found
        ],
    }
    for name, rows in heaps.items():
        for order_id in ids:
            found[order_id][name] = Counter[Any]()
        for order_id, *row in rows:
            found[order_id][name][tuple(row)] += 1
    for order_id, stands in selectors_ledger.standing(order_ids=ids).items():
        found[order_id]["books"] = sorted(
            (account.kind.value, amount) for account, amount in stands.items() if amount
        )
    return [found[order.pk] for order in histories.orders]


def _order_of(fact: Fact) -> Any:
    named = fact.payload.get("order_id")
    return UUID(named) if named else None


def levels(histories: Histories) -> list[tuple[int, int]]:
    """Return how many units of each SKU are on hand and reserved."""
    ours = Sku.objects.filter(pk__in=[sku.pk for sku in histories.skus]).order_by("pk")
    return list(ours.values_list("on_hand", "reserved"))


def differing(ones: Histories, others: Histories) -> list[tuple[str, str, Any, Any]]:
    """Return in what the ends of two rows of the same histories differ: the kind of a history,
    what of it, and how it is in the one and in the other."""
    return [
        (kind, name, one[name], other.get(name))
        for kind, one, other in zip(ones.kinds, ends(ones), ends(others), strict=True)
        for name in one
        if one[name] != other.get(name)
    ]
