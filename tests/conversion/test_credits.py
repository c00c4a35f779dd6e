"""Credits sum to one and to the money; refunds take them back; order of arrival is irrelevant."""

from datetime import timedelta
from itertools import pairwise, permutations
from typing import Any
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.models import Sum
from django.db.utils import InternalError
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Order
from redshop.conversion import rules
from redshop.conversion.models import Attribution, Credit
from redshop.conversion.selectors import credits as ledger
from redshop.conversion.types import AttributionModel, Conversion, GivenBack, Path, Share, Touch
from redshop.core import outbox
from redshop.core.db import TransactionRequired
from redshop.core.models import Fact
from tests.conversion import world
from tests.conversion.world import DAY, HOUR, NOW

MODELS = [model.value for model in AttributionModel]


def conversion(amount: int) -> Conversion:
    return Conversion(1, UUID(int=1), 1, 1, amount, "CNY", "real", NOW, 15)


def path(length: int) -> Path:
    return Path(
        tuple(
            Touch(UUID(int=n + 1), NOW - DAY + timedelta(seconds=n), n % 3, 1, "explore", "user")
            for n in range(length)
        )
    )


def amounts(shares: list[Share], refund: UUID | None) -> dict[str, list[int]]:
    return {
        model: [s.amount_minor for s in shares if s.model == model and s.refund_id == refund]
        for model in MODELS
    }


def test_first_last_and_linear_divide_three_touches_to_the_cent() -> None:
    shares = rules.shares(conversion(100), path(3))

    assert amounts(shares, None) == {
        "first_touch": [100],
        "last_touch": [100],
        "linear": [34, 33, 33],
    }
    assert [s.weight_billionths for s in shares if s.model == "linear"] == [
        333_333_334,
        333_333_333,
        333_333_333,
    ]
    assert [s.touch.event_id.int for s in shares if s.model != "linear"] == [1, 3]


def test_the_refund_that_completes_a_line_takes_every_credit_to_zero() -> None:
    halves = [GivenBack(UUID(int=n), 50, NOW + n * DAY) for n in (1, 2)]

    shares = rules.shares(conversion(100), path(3), refunds=halves)

    assert amounts(shares, UUID(int=1))["linear"] == [-17, -17, -16]
    assert amounts(shares, UUID(int=2))["linear"] == [-17, -16, -17]


def test_the_worked_example_of_the_documentation() -> None:
    half = GivenBack(UUID(int=9), 5_000, NOW + DAY)

    shares = rules.shares(conversion(10_000), path(3), refunds=[half])

    assert amounts(shares, None)["linear"] == [3_334, 3_333, 3_333]
    assert amounts(shares, half.refund_id)["linear"] == [-1_667, -1_667, -1_666]


@given(
    amount=st.integers(0, 10**12),
    touches=st.integers(1, 60),
    cuts=st.lists(st.integers(0, 10**12), max_size=4),
)
def test_shares_sum_to_one_and_to_the_money_and_full_refunds_to_zero(
    amount: int, touches: int, cuts: list[int]
) -> None:
    marks = sorted({0, amount, *(cut % (amount + 1) for cut in cuts)})
    parts = [after - before for before, after in pairwise(marks)]
    refunds = [GivenBack(UUID(int=n), part, NOW + n * DAY) for n, part in enumerate(parts)]

    shares = rules.shares(conversion(amount), path(touches), refunds=refunds)

    for model in MODELS:
        mine = [share for share in shares if share.model == model]
        for refund in [None, *refunds]:
            entry = [s for s in mine if s.refund_id == (refund and refund.refund_id)]
            assert sum(s.weight_billionths for s in entry) == rules.WHOLE
            assert sum(s.amount_minor for s in entry) == (
                -refund.amount_minor if refund else amount
            )
        by_touch: dict[UUID, int] = {}
        for share in mine:
            touch = share.touch.event_id
            by_touch[touch] = by_touch.get(touch, 0) + share.amount_minor
        assert set(by_touch.values()) == {0}


pytest_db = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    """An order of three units that two notes led to."""
    buyer, product = world.person(), world.product()
    for hours, each in [(5, world.note(product)), (2, world.note(product))]:
        world.event("note_open", NOW - hours * HOUR, buyer, each)
    return world.order(buyer, (product, 101), quantity=3)


def standing() -> list[tuple[str, bool, int, int]]:
    """Return model, whether it is a reversal, weight and money of what holds, in order."""
    [line] = Attribution.objects.values_list("pk", flat=True)
    shares = ledger.standing(line_ids=[line]).get(line, [])
    shares.sort(key=lambda s: (s.model, s.refund_id is not None, s.touch.occurred_at))
    return [
        (s.model.value, s.refund_id is not None, s.weight_billionths, s.amount_minor)
        for s in shares
    ]


@pytest_db
def test_a_paid_order_is_credited_once_however_often_it_is_attributed(order: Order) -> None:
    assert world.attribute(order) == 1
    assert world.attribute(order) == 0

    assert standing() == [
        ("first_touch", False, 1_000_000_000, 303),
        ("last_touch", False, 1_000_000_000, 303),
        ("linear", False, 500_000_000, 152),
        ("linear", False, 500_000_000, 151),
    ]
    assert Attribution.objects.get().generation == 1


@pytest_db
def test_a_refund_writes_negative_credits_with_the_original_weights(order: Order) -> None:
    world.attribute(order)
    world.refund(order, units=1)

    world.attribute(order)

    reversals = Credit.objects.filter(kind="reversal").order_by("model", "touched_at")
    assert list(reversals.values_list("model", "weight_billionths", "amount_minor")) == [
        ("first_touch", 1_000_000_000, -101),
        ("last_touch", 1_000_000_000, -101),
        ("linear", 500_000_000, -51),
        ("linear", 500_000_000, -50),
    ]
    assert Attribution.objects.get().generation == 1


@pytest_db
def test_all_refunds_together_leave_nothing_on_any_note(order: Order) -> None:
    world.attribute(order)
    for n, units in enumerate([1, 2]):
        world.refund(order, units=units, at=NOW + (n + 1) * DAY)
        world.attribute(order)

    sums = Credit.objects.values("model", "note_id").annotate(net=Sum("amount_minor"))

    assert {row["net"] for row in sums} == {0}


@pytest_db
def test_an_order_that_is_not_paid_is_no_conversion() -> None:
    order = world.order(world.person(), (world.product(), 100), is_paid=False)

    assert world.attribute(order) == 0
    assert not Attribution.objects.exists()


@pytest_db
def test_a_purchase_without_a_touch_is_kept_as_unattributed() -> None:
    order = world.order(world.person(), (world.product(), 100))

    world.attribute(order)

    attribution = Attribution.objects.get()
    assert (attribution.is_attributed, attribution.touches) == (False, 0)
    assert not Credit.objects.exists()


@pytest_db
@pytest.mark.parametrize("arrival", list(permutations(["paid", "refunded", "joined"])))
def test_the_order_in_which_facts_arrive_does_not_matter(
    arrival: tuple[str, ...], order: Order
) -> None:
    visitor, note = UUID(int=5), world.note(order.lines.get().product)
    world.event("note_open", NOW - HOUR, visitor, note)
    refund = world.refund(order, units=1)
    payloads: dict[str, tuple[str, dict[str, str | int]]] = {
        "paid": ("order.paid", {"order_id": str(order.pk), "paid_at": NOW.isoformat()}),
        "refunded": ("order.refunded", {"order_id": str(order.pk), "refund_id": str(refund.pk)}),
        "joined": (
            "visitor.joined",
            {"visitor_id": str(visitor), "person_id": order.buyer_id},
        ),
    }

    for name in arrival:
        if name == "joined":
            world.join(visitor, order.buyer)
        kind, payload = payloads[name]
        with transaction.atomic():
            outbox.publish(kind, key=name, payload=payload, at=NOW)
        outbox.drain_all(at=NOW)

    assert not Fact.objects.filter(attempts__gt=1).exists()
    assert standing() == [
        ("first_touch", False, 1_000_000_000, 303),
        ("first_touch", True, 1_000_000_000, -101),
        ("last_touch", False, 1_000_000_000, 303),
        ("last_touch", True, 1_000_000_000, -101),
        ("linear", False, 333_333_334, 101),
        ("linear", False, 333_333_333, 101),
        ("linear", False, 333_333_333, 101),
        ("linear", True, 333_333_334, -34),
        ("linear", True, 333_333_333, -34),
        ("linear", True, 333_333_333, -33),
    ]


@pytest_db
def test_a_touch_reported_after_the_payment_is_credited_when_the_order_settles(
    order: Order,
) -> None:
    payload = {"order_id": str(order.pk), "paid_at": NOW.isoformat()}
    with transaction.atomic():
        outbox.publish("order.paid", key="1", payload=payload, at=NOW)
    outbox.drain_all(at=NOW)
    late = world.note(order.lines.get().product)
    reported = NOW + timedelta(minutes=2)
    world.event("cart_add", NOW - HOUR, order.buyer, late, received_at=reported)

    outbox.drain_all(at=NOW + timedelta(minutes=11))

    last = Credit.objects.filter(model="last_touch").order_by("pk")
    assert list(last.values_list("kind", "weight_billionths", "amount_minor")) == [
        ("original", 1_000_000_000, 303),
        ("original", 1_000_000_000, 303),
        ("correction", -1_000_000_000, -303),
    ]
    assert [credit.note_id == late.pk for credit in last] == [False, True, False]
    assert Attribution.objects.get().generation == 2
    waiting = Fact.objects.pending().filter(kind="conversion.settling").order_by("due_at")
    end_of_the_day = NOW + 12 * HOUR
    assert [fact.due_at - end_of_the_day for fact in waiting] == [DAY, 30 * DAY + HOUR]


@pytest_db
def test_touches_that_turn_out_to_be_somebody_elses_leave_the_line_unattributed() -> None:
    buyer, product, visitor = world.person(), world.product(), UUID(int=9)
    world.event("note_open", NOW - HOUR, visitor, world.note(product))
    world.join(visitor, buyer)
    order = world.order(buyer, (product, 100))
    world.attribute(order)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_identity")

    world.attribute(order)

    assert standing() == []
    assert not Attribution.objects.get().is_attributed
    assert Credit.objects.count() == 6
    assert Credit.objects.aggregate(Sum("amount_minor"))["amount_minor__sum"] == 0


@pytest_db
def test_whoever_pays_commission_is_told_how_the_line_stands(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(
        outbox, "publish_many", lambda kind, *, facts, at: told.append((kind, facts))
    )
    world.refund(order, units=3)

    world.attribute(order)

    [(kind, [(_, payload)])] = told
    assert (kind, payload["order_id"]) == ("conversion.credited", str(order.pk))
    [line] = payload["lines"]
    assert [
        (c["model"], c["weight_billionths"], c["gross_minor"], c["refunded_minor"])
        for c in line["credits"]
    ] == [
        ("first_touch", 1_000_000_000, 303, 303),
        ("last_touch", 1_000_000_000, 303, 303),
        ("linear", 500_000_000, 152, 152),
        ("linear", 500_000_000, 151, 151),
    ]


@pytest_db
class TestTheDatabaseRefuses:
    @pytest.fixture(autouse=True)
    def _credited(self, order: Order) -> None:
        world.attribute(order)

    def test_to_change_a_credit(self) -> None:
        with pytest.raises(ProgrammingError), transaction.atomic():
            Credit.objects.update(amount_minor=1)

        assert Credit.objects.filter(amount_minor=1).count() == 0

    def test_to_delete_a_credit(self) -> None:
        with pytest.raises(ProgrammingError), transaction.atomic():
            Credit.objects.all().delete()

        assert Credit.objects.count() == 4

    @pytest.mark.parametrize("change", [{"weight_billionths": 1}, {"amount_minor": 302}])
    def test_credits_that_do_not_sum_to_one_and_to_the_money(self, change: dict[str, int]) -> None:
        credit = Credit.objects.get(model="last_touch")
        credit.pk, credit.generation = None, 2
        for name, value in change.items():
            setattr(credit, name, value)

        with pytest.raises((ProgrammingError, InternalError)), transaction.atomic():
            credit.save(force_insert=True)

        assert Credit.objects.count() == 4

    def test_to_go_back_to_an_earlier_generation(self) -> None:
        with pytest.raises(ProgrammingError), transaction.atomic():
            Attribution.objects.update(generation=0)

        assert Attribution.objects.get().generation == 1


def test_attributing_is_a_step_of_its_callers_transaction() -> None:
    from redshop.conversion.services import attribution

    with pytest.raises(TransactionRequired):
        attribution.attribute(line_ids=[], at=NOW)
