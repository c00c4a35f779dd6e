"""Planting a world: lived in memory, written here, its orders placed by the real services."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from django.db import transaction

from notes.models import Note
from notes.services import exposure, upkeep
from redshop.core.db import requires_transaction
from redshop.core.populations import Population
from redshop.events import partitions
from redshop.events.services import writing
from redshop.simulation.arrays.log import Carts, Seen
from redshop.simulation.arrays.measures import calibrated
from redshop.simulation.arrays.replication import Lived
from redshop.simulation.calibration import figures
from redshop.simulation.driver import PROLOGUE, Progress, pass_time
from redshop.simulation.library import Library
from redshop.simulation.life import Life
from redshop.simulation.measured import Check, check
from redshop.simulation.mind import Mind
from redshop.simulation.models import SimulationRun
from redshop.simulation.planting.deeds import plant_deeds
from redshop.simulation.planting.happening import happened
from redshop.simulation.planting.log import LogOf, plant_log
from redshop.simulation.planting.notes import places_of, plant_notes
from redshop.simulation.planting.purchases import (
    Basket,
    basket_of,
    leave_carts,
    plan_orders,
    plant_carts,
    restock,
)
from redshop.simulation.scenario import Scenario
from redshop.simulation.services import runs
from redshop.simulation.services.logs import live_logged
from redshop.simulation.settling import settle
from redshop.simulation.shops import open_shops
from redshop.simulation.types import Ints

_TOMORROW: Final = timedelta(days=1)
#: How often facts are acted on: nobody looks at their feed meanwhile.
DRAIN_EVERY: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Memory:
    """A world as it was lived in memory."""

    lived: Lived
    seen: Seen
    carts: Carts

    def checks(self) -> list[Check]:
        """Return every figure of the calibration that it can be held against."""
        told = figures()
        return [check(told[each.key], each) for each in calibrated(self.lived.arm)]


def lived_again(run: SimulationRun, scenario: Scenario) -> Memory:
    """Live the world of a run in memory: the same one whenever it is asked for."""
    lived, log = live_logged(scenario, run.arm, seed=run.seed)
    return Memory(lived, log.seen(), log.carts())


def plant(run: SimulationRun, memory: Memory, *, progress: Progress) -> Life:
    """Write the world of a run here and place its orders, day by day.

    What is written at once is one transaction; a run that was interrupted goes on after it.
    """
    life = _settle(run, memory.lived, progress=progress)
    if run.agenda:
        life.recall(run.agenda)
        log = LogOf(life, memory.lived, memory.seen, _note_ids_again(life, memory))
        basket = basket_of(log, memory.carts)
    else:
        log, basket = _sow(life, memory, progress=progress)
        progress("statistics", 0)
        partitions.tidy()
    for day in range(run.days_done, run.days):
        _pass_day(life, day, progress=progress)
    life.tally["things left in carts"] = leave_carts(log, basket)
    progress("search", 0)
    exposure.count_large_creators(at=run.until_at)
    upkeep.keep_up(at=run.until_at)
    return life


def _settle(run: SimulationRun, lived: Lived, *, progress: Progress) -> Life:
    """Open the shops and let the people of the world move in; found again after an interruption."""
    opened_at = run.since_at - PROLOGUE
    partitions.ensure(since=opened_at, until=run.until_at + _TOMORROW)
    world, people = lived.arm.world.assortment, lived.arm.world.people
    progress("shops", 0)
    shops = open_shops(world=world, at=opened_at)
    progress("people", 0)
    return Life(
        run=run,
        people=people,
        world=world,
        shops=shops,
        residents=settle(seed=run.seed, people=people, world=world, shops=shops, at=opened_at),
        library=Library(),
        mind=Mind.empty(people=0, relative_price=world.relative_price()),  # they did their living
    )


@transaction.atomic(durable=True)
def _sow(life: Life, memory: Memory, *, progress: Progress) -> tuple[LogOf, Basket]:
    """Write notes, follows, reactions and the log, and plan the orders."""
    lived, seen = memory.lived, memory.seen
    progress("notes", 0)
    note_ids = plant_notes(life, lived, seen)
    progress("reactions", 0)
    done = happened(lived, seen)
    plant_deeds(life, lived, seen, done, note_ids)
    log = LogOf(life, lived, seen, note_ids)
    basket = basket_of(log, memory.carts)
    with writing.marked_once(life.residents.everybody):
        events = plant_log(log, done, progress=lambda part: progress(f"log {part:.0%}", 0))
        events += plant_carts(log, basket)
    plan_orders(log, basket)
    life.tally["notes"] = int((note_ids > 0).sum())
    life.tally["events"] = events
    life.tally |= {f"{name}s": len(each.rows) for name, each in done.items()}
    _keep(life, days_done=0)
    return log, basket


def _pass_day(life: Life, day: int, *, progress: Progress) -> None:
    """Let a day pass: what is ordered is there, and what is due is done."""
    midnight = life.midnight(day)
    life.tally["units received"] += restock(life, until=midnight + _TOMORROW, at=midnight)
    pass_time(life, since=midnight, until=midnight + _TOMORROW, every=DRAIN_EVERY)
    progress(f"day {day + 1}", 1.0)
    with transaction.atomic(durable=True):
        _keep(life, days_done=day + 1)


@requires_transaction
def _keep(life: Life, *, days_done: int) -> None:
    runs.keep(run_id=life.run.pk, days_done=days_done, agenda=life.as_json())


def _note_ids_again(life: Life, memory: Memory) -> Ints:
    """Return int64[notes]: the ids that notes got, which are in the order of their writing."""
    written = Note.objects.filter(population=Population.SIMULATED).order_by("pk")
    ours = set(life.residents.everybody)
    found = np.zeros(len(memory.lived.arm.exists), dtype=np.int64)
    found[places_of(memory.lived)] = [
        pk for pk, author in written.values_list("pk", "author").iterator() if author in ours
    ]
    return found
