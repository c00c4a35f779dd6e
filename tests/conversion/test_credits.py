"""Credits sum to one and to the money; refunds take them back; order of arrival is irrelevant."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise, permutations
from typing import Any
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.models import Sum
from django.db.utils import InternalError
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.models import Order
from redshop.conversion import rules
from redshop.conversion.models import Attribution, Credit
from redshop.conversion.selectors import credits as ledger
from redshop.conversion.types import AttributionModel
from redshop.core import outbox
from redshop.core.db import TransactionRequired
from redshop.core.models import Fact
from tests.conversion import reference, world
from tests.conversion.world import DAY, HOUR, NOW

MODELS = [model.value for model in AttributionModel]


DIVIDED = f"""
WITH conversions AS (
    SELECT 1 AS line_id, %s::bigint AS amount_minor, %s::int AS window_days,
           %s::timestamptz AS converted_at
),
path AS (
    SELECT 1 AS line_id, event_id, occurred_at, note_id, 1 AS author_id, '' AS surface,
           '' AS provenance, 0 AS considered
    FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[])
         AS touch (event_id, occurred_at, note_id)
),
given_back AS (
    SELECT 1 AS line_id, refund_id, refunded_at, amount_minor
    FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[])
         AS refund (refund_id, refunded_at, amount_minor)
)
SELECT model, refund_id, event_id, weight, amount_minor FROM ({rules.SHARES}) AS answer
"""  # noqa: S608 - a constant
Divided = dict[tuple[str, UUID | None], list[tuple[UUID, int, int]]]


def divide(
    amount: int,
    touches: Sequence[tuple[datetime, int]],
    refunds: Sequence[int] = (),
    *,
    window_days: int = 15,
) -> Divided:
    """Return what the statement makes of touches (moment and note) and of refunds, by day."""
    ids, days = [UUID(int=n + 1) for n in range(len(touches))], range(1, len(refunds) + 1)
    moments, notes = [at for at, _ in touches], [note for _, note in touches]
    back: list[Any] = [[UUID(int=n) for n in days], [NOW + n * DAY for n in days], list(refunds)]
    with connection.cursor() as cursor:
        cursor.execute(DIVIDED, [amount, window_days, NOW, ids, moments, notes, *back])
        rows = cursor.fetchall()
    divided: Divided = {}
    for model, refund, event, weight, part in rows:
        divided.setdefault((model, refund), []).append((event, weight, part))
    return divided


def path(*notes: int) -> list[tuple[datetime, int]]:
    """Return touches of these notes, a day apart, the last a day before the payment."""
    return [(NOW - (len(notes) - n) * DAY, note) for n, note in enumerate(notes)]


def parts(divided: Divided, model: str, refund: int | None = None) -> list[int]:
    return [part for _, _, part in divided[model, UUID(int=refund) if refund else None]]


def weights(divided: Divided, model: str) -> list[int]:
    return [weight for _, weight, _ in divided[model, None]]


@pytest.mark.django_db
def test_each_model_divides_three_touches_of_two_notes_to_the_cent() -> None:
    divided = divide(100, path(1, 2, 1))

    assert {model: weights(divided, model) for model, _ in divided} == {
        "first_touch": [1_000_000_000],
        "last_touch": [1_000_000_000],
        "linear": [333_333_334, 333_333_333, 333_333_333],
        "time_decay": [273_950_516, 329_569_330, 396_480_154],
        "position": [400_000_000, 200_000_000, 400_000_000],
        "shapley": [250_000_000, 500_000_000, 250_000_000],
    }
    assert {model: parts(divided, model) for model, _ in divided} == {
        "first_touch": [100],
        "last_touch": [100],
        "linear": [34, 33, 33],
        "time_decay": [27, 33, 40],
        "position": [40, 20, 40],
        "shapley": [25, 50, 25],
    }


@pytest.mark.django_db
@pytest.mark.parametrize("notes", [(1,), (1, 2)])
def test_by_position_one_touch_has_all_and_two_have_half(notes: tuple[int, ...]) -> None:
    assert weights(divide(100, path(*notes)), "position") == [rules.WHOLE // len(notes)] * len(
        notes
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("window_days", "half_life"), [(1, 1), (2, 1), (4, 1), (8, 2), (90, 22.5)])
def test_decay_halves_in_a_quarter_of_the_window_and_at_least_a_day(
    window_days: int, half_life: float
) -> None:
    touches = [(NOW - timedelta(days=half_life), 1), (NOW, 2)]

    older, newer = weights(divide(100, touches, window_days=window_days), "time_decay")

    assert (older, newer) == (333_333_333, 666_666_667)


@pytest.mark.django_db
def test_the_refund_that_completes_a_line_takes_every_credit_to_zero() -> None:
    divided = divide(100, path(1, 2, 3), refunds=[50, 50])

    assert parts(divided, "linear", 1) == [-17, -17, -16]
    assert parts(divided, "linear", 2) == [-17, -16, -17]


@pytest.mark.django_db
def test_the_worked_example_of_the_documentation() -> None:
    divided = divide(10_000, path(1, 1, 2), refunds=[5_000])

    assert parts(divided, "linear") == [3_334, 3_333, 3_333]
    assert parts(divided, "linear", 1) == [-1_667, -1_667, -1_666]


@pytest.mark.django_db
@settings(max_examples=150)
@given(
    amount=st.one_of(st.integers(0, 10**12), st.integers(0, 2**62)),
    touches=st.lists(st.tuples(st.integers(0, 15 * 86_400), st.integers(1, 4)), min_size=1),
    cuts=st.lists(st.integers(0, 2**62), max_size=4),
    window_days=st.integers(1, 90),
)
def test_any_path_is_divided_as_the_plain_definition_says(
    amount: int, touches: list[tuple[int, int]], cuts: list[int], window_days: int
) -> None:
    marks = sorted({0, amount, *(cut % (amount + 1) for cut in cuts)})
    refunds = [after - before for before, after in pairwise(marks)]
    seen = sorted((NOW - timedelta(seconds=ago), note) for ago, note in touches)

    divided = divide(amount, seen, refunds, window_days=window_days)

    given_back = [(NOW + n * DAY, UUID(int=n), part) for n, part in enumerate(refunds, start=1)]
    expected: Divided = {}
    for model in MODELS:
        by = reference.weights(model, seen, paid_at=NOW, window_days=window_days)
        for refund, money in reference.money(amount, by, given_back):
            expected[model, refund] = [
                (UUID(int=n), weight, part)
                for n, (weight, part) in enumerate(zip(by, money, strict=True), start=1)
                if weight
            ]
            assert sum(by) == rules.WHOLE
    assert divided == expected
    for model in MODELS:
        lasts = [sum(money) for money in zip(*(rows_of(divided, model)), strict=True)]
        assert set(lasts) <= {0} or not refunds


def rows_of(divided: Divided, model: str) -> list[list[int]]:
    return [[part for _, _, part in rows] for (name, _), rows in divided.items() if name == model]


pytest_db = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    """An order of three units that two notes led to."""
    buyer, product = world.person(), world.product()
    for hours, each in [(5, world.note(product)), (2, world.note(product))]:
        world.event("note_open", NOW - hours * HOUR, buyer, each)
    return world.order(buyer, (product, 101), quantity=3)


#: Two touches of two notes: one credit of first and last touch, two of every other model.
CREDITS_OF_TWO = 10
PLAIN = ("first_touch", "last_touch", "linear")


def standing() -> list[tuple[str, bool, int, int]]:
    """Return model, whether it is a reversal, weight and money of what holds, in order, of the
    models whose figures are seen at a glance."""
    [line] = Attribution.objects.values_list("pk", flat=True)
    shares = ledger.standing(line_ids=[line]).get(line, [])
    shares.sort(key=lambda s: (s.model, s.refund_id is not None, s.touch.occurred_at))
    return [
        (s.model.value, s.refund_id is not None, s.weight_billionths, s.amount_minor)
        for s in shares
        if s.model in PLAIN
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

    reversals = Credit.objects.filter(kind="reversal", model__in=PLAIN)
    reversals = reversals.order_by("model", "touched_at")
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
    assert Credit.objects.count() == 2 * len(MODELS)
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
        if c["model"] in PLAIN
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

        assert Credit.objects.count() == CREDITS_OF_TWO

    @pytest.mark.parametrize("change", [{"weight_billionths": 1}, {"amount_minor": 302}])
    def test_credits_that_do_not_sum_to_one_and_to_the_money(self, change: dict[str, int]) -> None:
        credit = Credit.objects.get(model="last_touch")
        credit.pk, credit.generation = None, 2
        for name, value in change.items():
            setattr(credit, name, value)

        with pytest.raises((ProgrammingError, InternalError)), transaction.atomic():
            credit.save(force_insert=True)

        assert Credit.objects.count() == CREDITS_OF_TWO

    def test_to_go_back_to_an_earlier_generation(self) -> None:
        with pytest.raises(ProgrammingError), transaction.atomic():
            Attribution.objects.update(generation=0)

        assert Attribution.objects.get().generation == 1


def test_attributing_is_a_step_of_its_callers_transaction() -> None:
    from redshop.conversion.services import attribution

    with pytest.raises(TransactionRequired):
        attribution.attribute(line_ids=[], at=NOW)
