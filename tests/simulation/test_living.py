"""A small population lives through the real services, the same way each time."""

import ast
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Count, F, Sum
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from notes.models import Like, Note, NoteCounts
from orders.models import Order, OrderLine, RefundLine
from redshop.accounts.models import User
from redshop.catalog.models import Sku
from redshop.conversion.models import Credit
from redshop.core.models import Fact
from redshop.events.models import Event, RejectedEvent
from redshop.simulation import driver
from redshop.simulation.deeds import writing
from redshop.simulation.models import RunState, SimulationRun
from redshop.simulation.scenario import DEMO
from redshop.simulation.services import interrupted, is_populated, runs

ROOT = Path(driver.__file__).parent
UNTIL = datetime(2026, 3, 20, tzinfo=UTC)
SEED = 11

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def simulate(*, people: int = 40, days: int = 4, seed: int = SEED, **options: Any) -> str:
    out = StringIO()
    call_command(
        "simulate", people=people, days=days, seed=seed, until=UNTIL, funnel=False, stdout=out,
        **options,
    )  # fmt: skip
    return out.getvalue()


def numbers() -> dict[str, Any]:
    """What an analyst could see, without the ids."""
    place = {pk: n for n, pk in enumerate(Note.objects.order_by("pk").values_list("pk", flat=True))}
    credits_ = Credit.objects.values_list("note_id", "model", "weight_billionths", "amount_minor")
    return {
        "summary": SimulationRun.objects.get().summary,
        "events": sorted(Event.objects.values_list("kind", "surface").annotate(Count("id"))),
        "moments": sorted(Event.objects.values_list("occurred_at", "kind")),
        "credits": sorted(
            ((place.get(note, -1), model, w, m) for note, model, w, m in credits_),
        ),
        "orders": sorted(Order.objects.values_list("placed_at", "state", "total_minor")),
        "titles": list(Note.objects.order_by("pk").values_list("title", flat=True)),
    }


def interrupt(*_args: Any, **_options: Any) -> None:
    raise KeyboardInterrupt


def test_the_same_seed_gives_the_same_numbers_even_over_an_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point = transaction.savepoint()
    simulate()
    straight = numbers()
    transaction.savepoint_rollback(point)

    begin_day = runs.begin_day
    begun: list[int] = []

    def begin_two_days(*, run_id: int) -> None:
        begun.append(run_id)
        if len(begun) == 3:
            raise KeyboardInterrupt
        begin_day(run_id=run_id)

    monkeypatch.setattr(runs, "begin_day", begin_two_days)
    with pytest.raises(KeyboardInterrupt):
        simulate()
    stopped = interrupted()
    assert stopped is not None
    assert (stopped.days_done, is_populated()) == (2, False)
    said = simulate()

    assert "interrupted after 2 whole days" in said
    assert is_populated()
    assert numbers() == straight
    assert straight["credits"]


def test_what_is_made_is_whole_consistent_and_marked_as_simulated() -> None:
    said = simulate(people=80, days=6)

    assert "declared: exposures thinned 1:12, purchase propensity ×202.5" in said
    assert "funnel.open_given_impression" in said
    for model in (User, Note, Order, Event, Credit):
        assert set(model._default_manager.values_list("population", flat=True)) == {"simulated"}
    assert not [user.handle for user in User.objects.all() if user.has_usable_password()]
    assert RejectedEvent.objects.count() == 0
    assert Fact.objects.pending().filter(due_at__lte=UNTIL).count() == 0
    assert Fact.objects.filter(set_aside_at__isnull=False).count() == 0
    assert Order.objects.filter(paid_at__isnull=False).count() > 5
    assert Sku.objects.filter(reserved__gt=F("on_hand")).count() == 0
    assert NoteCounts.objects.aggregate(Sum("likes"))["likes__sum"] == Like.objects.count()
    assert set(Event.objects.values_list("kind", flat=True)) >= {
        "impression", "note_open", "read", "search_submit", "like", "save", "product_view",
        "cart_add", "checkout", "order_paid",
    }  # fmt: skip
    latest = Event.objects.filter(source="server").latest("occurred_at").occurred_at
    assert latest < UNTIL
    run = SimulationRun.objects.get()
    assert (run.state, run.days_done, run.agenda) == (RunState.COMPLETE, 6, {})
    assert run.summary["made"]["orders paid"] == Order.objects.exclude(paid_at=None).count()


def test_every_paid_line_is_credited_or_counted_as_unattributed_to_the_cent() -> None:
    simulate(people=60, days=6)

    paid = OrderLine.objects.filter(order__paid_at__isnull=False)
    for line in paid:
        given = Credit.objects.filter(line=line, model="last_touch", refund=None)
        assert given.aggregate(Sum("amount_minor"))["amount_minor__sum"] == line.total_minor
    # of the goods, as credits are; shipping comes back too, and was never credited
    refunded = RefundLine.objects.aggregate(Sum("amount_minor"))["amount_minor__sum"] or 0
    taken = Credit.objects.filter(model="last_touch", refund__isnull=False)
    assert -(taken.aggregate(Sum("amount_minor"))["amount_minor__sum"] or 0) == refunded


def test_a_day_that_was_cut_short_is_not_lived_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "pass_time", interrupt)
    with pytest.raises(KeyboardInterrupt):
        simulate(days=2)
    seen = Event.objects.filter(source="client").count()
    monkeypatch.undo()

    simulate(days=2)

    run = SimulationRun.objects.get()
    assert (run.state, run.summary["made"]["days cut short"]) == (RunState.COMPLETE, 1)
    first_day = Event.objects.filter(source="client", occurred_at__lt=run.since_at.replace(day=19))
    assert seen > 0
    assert first_day.count() <= seen


def test_notes_that_an_interruption_left_unwritten_are_written_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[Any] = []

    def write_twenty(*args: Any, **options: Any) -> None:
        if len(written) == 20:
            raise KeyboardInterrupt
        written.append(args)
        writing.publish(*args, **options)

    monkeypatch.setattr("redshop.simulation.driver.publish", write_twenty)
    with pytest.raises(KeyboardInterrupt):
        simulate(days=1)
    monkeypatch.undo()
    simulate(days=1)

    first = Note.objects.filter(created_at__lt=SimulationRun.objects.get().since_at)
    assert first.count() == 60
    assert first.filter(state="published").count() == 60


def test_a_second_population_has_to_be_asked_for_and_has_its_own_seed() -> None:
    simulate(days=1)

    with pytest.raises(CommandError, match="lives here already; add another one with --again"):
        simulate(days=1)
    with pytest.raises(CommandError, match="A population of this seed lives here already"):
        simulate(days=1, again=True)
    products = Sku.objects.count()
    simulate(days=1, seed=12, again=True)

    assert SimulationRun.objects.filter(state=RunState.COMPLETE).count() == 2
    assert Sku.objects.count() == products
    assert User.objects.filter(email__endswith="@people.invalid").count() == 80


def test_an_interrupted_run_with_other_settings_is_named() -> None:
    plan = runs.Plan(seed=1, people=30, days=2, scenario=DEMO, until=UNTIL)
    runs.begin(plan=plan, is_further=False, at=UNTIL)

    with pytest.raises(CommandError, match="continue it with --people 30 --days 2 --seed 1"):
        simulate(days=1)
    assert SimulationRun.objects.count() == 1


@pytest.mark.parametrize(
    ("option", "value"), [("people", 3), ("days", 0), ("seed", -1), ("seed", 2**32)]
)
def test_numbers_out_of_range_are_refused(option: str, value: int) -> None:
    with pytest.raises(CommandError, match=f"--{option} must be between"):
        simulate(**{option: value})
    assert SimulationRun.objects.count() == 0


def test_nothing_below_the_command_reads_the_clock_or_a_global_generator() -> None:
    interfaces = {"admin.py", "apps.py", "tasks.py"}
    forbidden = {"now", "today", "utcnow", "time_ns", "perf_counter", "default_rng", "seed"}
    guilty = []
    for path in sorted(ROOT.rglob("*.py")):
        if {"management", "migrations"} & set(path.parts) or path.name in interfaces:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in forbidden:
                guilty.append(f"{path.name}:{node.lineno}")
            if isinstance(node, ast.Import) and {a.name for a in node.names} & {"random", "time"}:
                guilty.append(f"{path.name}:{node.lineno}")

    assert guilty == []


@pytest.mark.django_db(transaction=True)
def test_only_one_simulation_runs_on_a_database() -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [runs.LOCK])
            with pytest.raises(CommandError, match="A simulation is running"):
                simulate(days=1)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [runs.LOCK])
    finally:
        other.close()

    assert SimulationRun.objects.count() == 0


def test_runs_are_looked_at_in_the_admin_and_not_changed(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root", "root@example.com", "a password"))
    plan = runs.Plan(seed=1, people=30, days=2, scenario=DEMO, until=UNTIL)
    run, _ = runs.begin(plan=plan, is_further=False, at=UNTIL)

    listed = client.get(reverse("admin:simulation_simulationrun_changelist"))
    shown = client.get(reverse("admin:simulation_simulationrun_change", args=[run.pk]))
    added = client.get(reverse("admin:simulation_simulationrun_add"))

    assert (listed.status_code, shown.status_code, added.status_code) == (200, 200, 403)
    assert "exposures thinned 1:12" in shown.content.decode()
