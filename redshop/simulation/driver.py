"""Lets a population live: the world is made first, then the days pass, one step at a time.

Nothing here or below reads the clock: every moment is simulated and handed down.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings

from notes.models import Note
from notes.services import exposure, upkeep
from redshop.core import outbox
from redshop.core.populations import Population
from redshop.events import partitions
from redshop.simulation.assortment import assortment
from redshop.simulation.authors import FIRST_NOTES_DAYS, plan_first_notes
from redshop.simulation.behaviour import publishing
from redshop.simulation.deeds import do
from redshop.simulation.deeds.writing import publish
from redshop.simulation.library import Library
from redshop.simulation.life import Life
from redshop.simulation.mind import Mind
from redshop.simulation.models import SimulationRun
from redshop.simulation.population import draw_people
from redshop.simulation.rounds import live_visits
from redshop.simulation.services import runs
from redshop.simulation.settling import follow_first, settle
from redshop.simulation.shops import open_shops, refill
from redshop.simulation.streams import stream
from redshop.simulation.visits import plan_visits

#: Steps of simulated time: within one, everybody sees the feed as it was at its beginning ...
STEP: Final = timedelta(hours=4)
#: ... and facts (attribution, proof of purchase, expiry) are acted on this often.
DRAIN_EVERY: Final = timedelta(hours=1)
#: When shops and first accounts appear, before the first day.
PROLOGUE: Final = timedelta(days=FIRST_NOTES_DAYS + 1)

#: Told the stage and how many more days were lived.
Progress = Callable[[str, float], None]


def make_world(run: SimulationRun, *, progress: Progress) -> Life:
    """Open the shops, let the people move in and write the notes that are there at first.

    Found again instead of made anew where a run goes on that was interrupted.
    """
    opened_at = run.since_at - PROLOGUE
    partitions.ensure(since=opened_at, until=run.until_at + timedelta(days=1))
    world = assortment()
    people = draw_people(seed=run.seed, count=run.people, world=world)
    progress("shops", 0)
    shops = open_shops(world=world, at=opened_at)
    progress("people", 0)
    residents = settle(seed=run.seed, people=people, world=world, shops=shops, at=opened_at)
    life = Life(
        run=run,
        people=people,
        world=world,
        shops=shops,
        residents=residents,
        library=Library(),
        mind=Mind.empty(people=len(people), relative_price=world.relative_price()),
    )
    life.following = follow_first(
        seed=run.seed, people=people, residents=residents, at=opened_at + timedelta(hours=12)
    )
    return life


def write_first_notes(life: Life, *, progress: Progress) -> None:
    """Publish the notes of the weeks before the first day that are not there yet."""
    plans = plan_first_notes(
        seed=life.seed, people=life.people, world=life.world, until=life.run.since_at
    )
    progress("first notes", 0)
    drafts = {
        (note.author_id, note.created_at): note
        for note in Note.objects.filter(population=Population.SIMULATED).order_by("pk")
    }
    for at, plan in plans:
        publish(life, plan, at, draft=drafts.get((life.residents.account(plan.author), at)))
    outbox.drain_all(at=life.run.since_at)


def live(life: Life, *, progress: Progress) -> None:
    """Let the days pass that have not been lived yet; after each, keep where things stand."""
    run = life.run
    if run.agenda:
        life.recall(run.agenda)
    else:
        write_first_notes(life, progress=progress)
        runs.checkpoint(run_id=run.pk, days_done=0, agenda=life.as_json())
    for day in range(run.days_done, run.days):
        is_cut_short = run.is_in_day and day == run.days_done
        runs.begin_day(run_id=run.pk)
        live_day(life, day, progress=progress, is_cut_short=is_cut_short)
        runs.checkpoint(run_id=run.pk, days_done=day + 1, agenda=life.as_json())


def live_day(life: Life, day: int, *, progress: Progress, is_cut_short: bool) -> None:
    """Live one day; of a day that an interruption cut short, do only what was planned before.

    Deeds that were done before the interruption are refused by the services and counted so.
    """
    midnight = life.midnight(day)
    tomorrow = midnight + timedelta(days=1)
    if is_cut_short:
        life.tally["days cut short"] += 1
        life.agenda.forget("write_about_purchase", before=tomorrow)
        pass_time(life, since=midnight, until=tomorrow)
        progress(f"day {day + 1}", 1.0)
        return
    exposure.count_large_creators(at=midnight)
    plan_writing(life, day)
    visits = plan_visits(
        seed=life.seed,
        day=day,
        midnight=midnight,
        people=life.people,
        scenario=life.scenario,
        utc_offset_hours=utc_offset_hours(midnight),
    )
    life.tally["active person-days"] += len({visit.person for visit in visits})
    at = midnight
    while at < tomorrow:
        upkeep.keep_up(at=at)
        live_visits(life, [v for v in visits if at <= v.clock < at + STEP], at=at)
        pass_time(life, since=at, until=at + STEP)
        at += STEP
        progress(f"day {day + 1}", STEP / timedelta(days=1))
    life.mind.sleep()
    life.tally["SKUs refilled"] += refill(shops=life.shops, at=tomorrow)


def pass_time(
    life: Life, *, since: datetime, until: datetime, every: timedelta = DRAIN_EVERY
) -> None:
    """Do what is due between two moments, and act on the facts every so often."""
    at = since
    while at < until:
        at = min(at + every, until)
        for deed in life.agenda.due(before=at):
            do(life, deed)
        life.tally["facts failed"] += outbox.drain_all(at=at).failed


def plan_writing(life: Life, day: int) -> None:
    """Plan the day's notes of creators and brands, at hours of their own."""
    midnight = life.midnight(day)
    for kind, name, who in (
        ("write", "person", _writers(life, day)),
        ("write_for_brand", "brand", _writing_brands(life, day)),
    ):
        for place in who:
            rng = stream(seed=life.seed, purpose=f"{kind}:hour", day=day, person=place)
            at = midnight + timedelta(milliseconds=int(rng.random() * 86_399_000))
            life.agenda.plan(at, kind, **{name: place})


def _writers(life: Life, day: int) -> list[int]:
    draws = stream(seed=life.seed, purpose="writes today", day=day).random(len(life.people))
    return np.flatnonzero(publishing.write_today(life.people.is_creator, draws)).tolist()


def _writing_brands(life: Life, day: int) -> list[int]:
    brands = len(life.world.brands)
    draws = stream(seed=life.seed, purpose="brands write today", day=day).random(brands)
    return np.flatnonzero(draws < publishing.BRAND_NOTES_A_DAY).tolist()


def utc_offset_hours(at: datetime) -> float:
    """Return how far the platform's clocks are ahead of UTC."""
    offset = at.astimezone(ZoneInfo(settings.PLATFORM_TIME_ZONE)).utcoffset() or timedelta()
    return offset / timedelta(hours=1)


def summarise(life: Life) -> dict[str, Any]:
    """Return what happened, in numbers that depend on nothing but the seed."""
    return {
        "people": len(life.people),
        "brands": len(life.world.brands),
        "products": len(life.world.products),
        "notes": len(life.library),
        **dict(sorted(life.tally.items())),
    }
