"""Many turns at once, while people look and buy: nothing is added twice and nobody passed by."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from redshop.conversion.models import FunnelCell, RollUp
from redshop.conversion.rollups import reading
from redshop.conversion.services import funnel_rollup, sale_rollup
from redshop.events.models import Unread
from tests.conversion import world
from tests.conversion.world import HOUR, NOW, SECOND
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
TURNERS, PEOPLE, VISITS = 3, 4, 12


def people_and_turns() -> list[Callable[[], Any]]:
    """Return what people do on one note, and turns that go on meanwhile."""
    product = world.product()
    note, who = world.note(product), [world.person() for _ in range(PEOPLE)]

    def visit(buyer: Any) -> str:
        for n in range(VISITS):
            at = NOW + n * HOUR
            world.event("impression", at, buyer, note)
            world.event("note_open", at + SECOND, buyer, note)
            with transaction.atomic():
                order = world.order(buyer, (product, 100), at=at + 2 * SECOND)
                world.attribute(order)
        return "visited"

    def turn() -> str:
        for _ in range(VISITS):
            funnel_rollup.turn(at=NOW, most=3)
            sale_rollup.turn(at=NOW, most=3)
        return "turned"

    return [*(lambda buyer=buyer: visit(buyer) for buyer in who), *[turn] * TURNERS]


def catch_up() -> None:
    while funnel_rollup.turn(at=NOW) or sale_rollup.turn(at=NOW):
        pass


def test_turns_at_once_while_people_live_add_up_to_what_a_rebuild_makes() -> None:
    ends = at_once(people_and_turns())

    assert ends == {"visited": PEOPLE, "turned": TURNERS}
    catch_up()
    assert list(funnel_rollup.differences()) == []
    assert list(sale_rollup.differences()) == []
    whole = FunnelCell.objects.filter(grain="all", measure=5, window=7)
    assert sum(whole.filter(last__year=9999).values_list("people", flat=True)) == PEOPLE
    assert RollUp.objects.count() == 2


def test_who_is_written_about_while_being_read_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Marks are taken before anything is read: a mark that comes in between stays."""
    who, note = world.person(), world.note(world.product())
    world.event("impression", NOW, who, note)
    funnel_rollup.turn(at=NOW)
    read = funnel_rollup._read

    def while_somebody_writes(*args: Any, **kwargs: Any) -> None:
        read(*args, **kwargs)
        at_once([lambda: world.event("impression", NOW + 48 * HOUR, who, note) and "seen"])

    world.event("impression", NOW + 24 * HOUR, who, note)
    monkeypatch.setattr(funnel_rollup, "_read", while_somebody_writes)
    funnel_rollup.turn(at=NOW)
    monkeypatch.undo()

    assert Unread.objects.count() == 1
    assert FunnelCell.objects.filter(grain="all", first=(NOW + 48 * HOUR).date()).count() == 0
    funnel_rollup.turn(at=NOW)
    assert list(funnel_rollup.differences()) == []
    assert FunnelCell.objects.filter(grain="all", first=(NOW + 48 * HOUR).date()).count() == 2


def test_if_marks_were_taken_after_reading_somebody_would_be_passed_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the order of a turn is for: the control of the test above."""
    who, note = world.person(), world.note(world.product())
    world.event("impression", NOW, who, note)
    funnel_rollup.turn(at=NOW)
    read = funnel_rollup._read

    def then_marks_go(cursor: Any, *args: Any, **kwargs: Any) -> None:
        read(cursor, *args, **kwargs)
        at_once([lambda: world.event("impression", NOW + 48 * HOUR, who, note) and "seen"])
        cursor.execute(reading.TAKE, {"most": 100})

    world.event("impression", NOW + 24 * HOUR, who, note)
    monkeypatch.setattr(funnel_rollup, "_read", then_marks_go)
    funnel_rollup.turn(at=NOW)
    monkeypatch.undo()
    funnel_rollup.turn(at=NOW)

    assert any("missing" in line for line in funnel_rollup.differences())
