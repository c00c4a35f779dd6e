"""A world that was lived in memory lies in the database: all of it, once, with the truth beside."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, Max, Min, Sum
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from config.reconciliation import COMPARISONS
from notes.models import Note
from orders.models import CartItem, Order, OrderLine
from redshop.accounts.models import Follow, User
from redshop.conversion.models import Credit
from redshop.events.models import Event, Unread
from redshop.simulation.factories import CauseFactory
from redshop.simulation.models import Cause, RunState, SimulationRun
from redshop.simulation.planting import world
from redshop.simulation.planting.world import Memory, lived_again
from redshop.simulation.scenario import read

UNTIL = datetime(2026, 3, 20, tzinfo=UTC)
DAYS, PEOPLE, SEED = 5, 300, 5
TRIAL = """name = "trial"

[attention]
exposures_thinned = 6

[purchase]
product_view_factor = 6.0
cart_factor = 6.0
paid_factor = 2.0

[arms.plain]

[arms.hidden]
labels.paid = "undisclosed"

[arms.elsewhere]
purchase.channel = "link_out"
"""

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    file = tmp_path / "trial.toml"
    file.write_text(TRIAL, encoding="utf-8")
    return file


def plant(trial: Path, **options: Any) -> str:
    out = StringIO()
    call_command(
        "simulate", str(trial), into_database=True, people=PEOPLE, days=DAYS, seed=SEED,
        until=UNTIL, funnel=False, stdout=out, **options,
    )  # fmt: skip
    return out.getvalue()


def memory_of(trial: Path) -> Memory:
    run = SimulationRun.objects.get()
    told = {"population.people": PEOPLE, "population.days": DAYS}
    return lived_again(run, read(trial).with_told(told))


def differences() -> list[str]:
    return [each for compare in COMPARISONS.values() for each in compare().differences]


@contextmanager
def interrupted(name: str, *, after: int) -> Iterator[None]:
    """Have a step of planting interrupted, once it was taken so many times."""
    real, left = getattr(world, name), iter(range(after))

    def step(*args: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return real(*args, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(world, name, step)
        yield


def test_what_was_lived_in_memory_is_here_with_the_truth_beside(trial: Path) -> None:
    said = plant(trial)

    assert "exposures thinned 1:6" in said
    memory = memory_of(trial)
    check_that_all_is_here(memory)
    check_the_truth(memory)
    check_the_order_of_things()
    check_follows_and_marks()
    check_credits()
    assert differences() == []


def check_that_all_is_here(memory: Memory) -> None:
    seen, orders = memory.seen, memory.lived.arm.sales.orders
    kinds = Counter(dict(Event.objects.values_list("kind").annotate(Count("id"))))
    assert kinds["impression"] == len(seen) > 10_000
    assert kinds["note_open"] == kinds["read"] == seen.is_opened.sum()
    assert kinds["cart_add"] == len(memory.carts.person)
    assert kinds["order_paid"] == len(orders) > 20
    assert Note.objects.published().count() == memory.lived.arm.exists.sum()
    paid = OrderLine.objects.exclude(order__paid_at=None)
    assert paid.aggregate(all=Sum("total_minor"))["all"] == orders.amount_minor.sum()


def check_the_truth(memory: Memory) -> None:
    """Each paid order is owed to what it is owed to in memory."""
    shares = Cause.objects.values_list("order").annotate(whole=Sum("share"), notes=Count("note"))
    assert {order for order, *_ in shares} == set(
        Order.objects.exclude(paid_at=None).values_list("pk", flat=True)
    )
    assert all(whole == pytest.approx(1.0, abs=1e-9) for _, whole, _ in shares)
    truth = memory.lived.truth
    anyway = Cause.objects.filter(note=None).order_by("share").values_list("share", flat=True)
    assert list(anyway) == pytest.approx(sorted(truth.baseline / truth.chance))
    # whoever is owed something was opened by the buyer before they paid
    for cause in Cause.objects.exclude(note=None).select_related("order"):
        assert Event.objects.filter(
            person_id=cause.order.buyer_id,
            note_id=cause.note_id,
            kind="note_open",
            occurred_at__lt=cause.order.paid_at,
        ).exists()


def check_the_order_of_things() -> None:
    """Nothing is seen before it is published, nor after the end."""
    published = dict(Note.objects.values_list("pk", "published_at"))
    first = Event.objects.exclude(note_id=None).values_list("note_id").annotate(Min("occurred_at"))
    assert all(published[note] <= at for note, at in first)
    assert Event.objects.aggregate(at=Max("occurred_at"))["at"] < UNTIL + timedelta(hours=3)
    assert set(Event.objects.values_list("population", flat=True)) == {"simulated"}


def check_follows_and_marks() -> None:
    """People follow once, and what is planted marks everybody unread once."""
    from_events = Event.objects.filter(kind="follow").values_list("person_id", "author_id")
    assert sorted(from_events) == sorted(Follow.objects.values_list("follower", "followed"))
    idle = User.objects.exclude(pk__in=Order.objects.values("buyer"))
    marks = Counter(Unread.objects.values_list("person_id", flat=True))
    assert {marks[pk] for pk in idle.values_list("pk", flat=True)} == {1}


def check_credits() -> None:
    """Purchases are credited to notes; what nobody ordered is left in carts."""
    led = CartItem.objects.exclude(note_id=None).count()
    credited = Credit.objects.values("line").distinct().count()
    owed = Cause.objects.exclude(note=None).values("order").distinct().count()
    assert led > 0
    assert credited >= 0.9 * owed > 10


def test_an_interrupted_run_goes_on_and_nothing_is_there_twice(trial: Path) -> None:
    with interrupted("restock", after=3), pytest.raises(KeyboardInterrupt):
        plant(trial)
    events = Event.objects.filter(kind="impression").count()
    assert SimulationRun.objects.get().days_done == 3

    said = plant(trial)

    assert "interrupted after 3 whole days" in said
    assert SimulationRun.objects.get().state == RunState.COMPLETE
    assert Event.objects.filter(kind="impression").count() == events
    orders = memory_of(trial).lived.arm.sales.orders
    paid = OrderLine.objects.exclude(order__paid_at=None)
    assert paid.aggregate(all=Sum("total_minor"))["all"] == orders.amount_minor.sum()
    assert paid.count() == len(orders)
    assert differences() == []


def test_an_interruption_while_it_is_written_leaves_nothing_of_it(trial: Path) -> None:
    with interrupted("plan_orders", after=0), pytest.raises(KeyboardInterrupt):
        plant(trial)

    assert not Event.objects.exists()
    assert not Note.objects.exists()
    plant(trial)
    assert differences() == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"arm": "hidden"}, "bear no label"),
        ({"arm": "elsewhere"}, "buy elsewhere"),
        ({"arm": "nowhere"}, "must be one of plain, hidden, elsewhere"),
        ({"thin": 0}, "--thin must be between 1 and"),
    ],
)
def test_what_cannot_be_planted_is_refused(trial: Path, options: dict[str, Any], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        plant(trial, **options)

    assert not User.objects.exists()
    assert not SimulationRun.objects.exists()


def test_the_truth_is_looked_at_in_the_admin(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root", "root@example.com", "a password"))
    cause = CauseFactory.create()

    page = client.get(reverse("admin:simulation_cause_changelist"), {"q": cause.order.number})

    assert page.status_code == 200
    assert cause.order.number in page.content.decode()
    assert "would have been bought anyway" in page.content.decode()
