"""What a run holds in memory is deterministic, and survives as JSON."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from redshop.simulation.agenda import Agenda
from redshop.simulation.assortment import assortment
from redshop.simulation.authors import plan_first_notes, plan_note
from redshop.simulation.behaviour import choice
from redshop.simulation.glance import Glances, Screen, glance, remember
from redshop.simulation.library import Card, Library
from redshop.simulation.mind import Mind
from redshop.simulation.population import People, draw_people
from redshop.simulation.scenario import DEMO
from redshop.simulation.streams import stream
from redshop.simulation.visits import plan_visits

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def people() -> People:
    return draw_people(seed=7, count=60, world=assortment())


@pytest.fixture
def library() -> Library:
    rng = stream(seed=1, purpose="library")
    return Library(
        [
            Card(
                id=1_000 + place,
                author=place % 60,
                shelf=place % 24,
                products=((place % 24) * 3,) if place % 2 else (),
                language=place % 3,
                type=("image", "text")[place % 2],
                quality=float(rng.standard_normal()),
                trust=0.0,
                is_paid=place % 3 == 0,
            )
            for place in range(120)
        ]
    )


def look(people: People, library: Library, mind: Mind, screens: list[Screen]) -> Glances:
    return glance(
        seed=7,
        screens=screens,
        people=people,
        columns=library.columns,
        likes=np.array(library.likes),
        products_of=[card.products for card in library.cards],
        mind=mind,
        scenario=DEMO,
    )


def screen_of(person: int, *, number: int = 0, is_search: bool = False) -> Screen:
    notes = tuple((person * 7 + step) % 120 for step in range(20))
    return Screen(person=person, day=0, number=number, is_search=is_search, notes=notes)


def empty_mind() -> Mind:
    return Mind.empty(people=60, relative_price=assortment().relative_price())


def test_deeds_are_done_in_order_even_those_planned_meanwhile() -> None:
    agenda = Agenda()
    agenda.plan(NOON + MINUTE, "second")
    agenda.plan(NOON, "first")
    agenda.plan(NOON + MINUTE, "third")
    agenda.plan(NOON + 9 * MINUTE, "tomorrow")

    done = []
    for deed in agenda.due(before=NOON + 5 * MINUTE):
        done.append(deed.kind)
        if deed.kind == "second":
            agenda.plan(NOON + 2 * MINUTE, "meanwhile")

    assert done == ["first", "second", "third", "meanwhile"]
    assert len(agenda) == 1


def test_an_agenda_survives_as_json() -> None:
    agenda = Agenda()
    for place in (3, 1, 2):
        agenda.plan(NOON + place * MINUTE, "ship", order=str(place), draws=[0.1 * place])

    again = Agenda.from_json(json.loads(json.dumps(agenda.as_json())))

    assert again.as_json() == agenda.as_json()
    assert [deed.details["order"] for deed in again.due(before=NOON + 9 * MINUTE)] == list("123")


def test_what_was_due_can_be_forgotten_by_kind() -> None:
    agenda = Agenda()
    agenda.plan(NOON, "write")
    agenda.plan(NOON, "ship")
    agenda.plan(NOON + 9 * MINUTE, "write")

    assert agenda.forget("write", before=NOON + MINUTE) == 1

    assert [deed.kind for deed in agenda.due(before=NOON + 10 * MINUTE)] == ["ship", "write"]


def test_a_mind_and_a_library_survive_as_json(people: People, library: Library) -> None:
    mind = empty_mind()
    remember(look(people, library, mind, [screen_of(person) for person in range(60)]), mind, DEMO)
    mind.sleep()
    mind.wants[3, 5] = mind.owns[4, 6] = True
    library.likes[7] = 2

    again = empty_mind()
    again.recall(json.loads(json.dumps(mind.as_json())))
    shelf = Library.from_json(json.loads(json.dumps(library.as_json())))

    assert again.interest.tolist() == mind.interest.tolist()
    assert again.interest.any()
    for name in ("seen", "wants", "owns"):
        assert getattr(again, name).tolist() == getattr(mind, name).tolist()
    assert (shelf.cards, shelf.likes) == (library.cards, library.likes)
    assert shelf.place_of(1_119) == 119


def test_an_exposure_leaves_as_much_interest_as_it_stands_for(
    people: People, library: Library
) -> None:
    seen = look(people, library, empty_mind(), [screen_of(person) for person in range(60)])
    thinned, whole = empty_mind(), empty_mind()

    remember(seen, thinned, DEMO)
    remember(seen, whole, DEMO.with_told({"attention.exposures_thinned": 1}))

    assert thinned.interest.sum() > 1
    assert whole.interest * 12 == pytest.approx(thinned.interest)


def test_whoever_opened_much_and_saw_many_ads_is_tired_until_tomorrow(
    people: People, library: Library
) -> None:
    def opened(mind: Mind) -> tuple[int, int]:
        seen = look(people, library, mind, [screen_of(person) for person in range(60)])
        return int(seen.opened.sum()), int((seen.opened & seen.is_paid).sum())

    fresh, tired = empty_mind(), empty_mind()
    tired.opened_today[:], tired.ads_today[:] = 100, 20
    all_fresh, paid_fresh = opened(fresh)
    all_tired, paid_tired = opened(tired)
    tired.sleep()

    assert all_tired < all_fresh
    assert paid_tired / paid_fresh < all_tired / all_fresh < 0.9
    assert opened(tired) == (all_fresh, paid_fresh)


def test_a_screen_is_read_alike_whoever_else_is_looking(people: People, library: Library) -> None:
    alone = look(people, library, empty_mind(), [screen_of(5)])
    crowd = look(people, library, empty_mind(), [screen_of(person) for person in range(10)])

    mine = crowd.person == 5
    for name in ("note", "position", "opened", "dwell_ms", "product", "carted"):
        assert getattr(crowd, name)[mine].tolist() == getattr(alone, name).tolist()
    assert crowd.actions["like"][mine].tolist() == alone.actions["like"].tolist()


def test_nobody_opens_their_own_note_or_acts_on_what_they_did_not_open(
    people: People, library: Library
) -> None:
    screens = [screen_of(person, number=number) for person in range(60) for number in range(20)]

    seen = look(people, library, empty_mind(), screens)

    own = library.columns.author[seen.note] == seen.person
    assert own.any()
    assert not seen.opened[own].any()
    for action, done in seen.actions.items():
        assert not (done & ~seen.opened).any(), action
    assert not (seen.hidden & seen.opened).any()
    assert not (seen.pays & ~seen.carted).any()
    assert not (seen.carted & ~seen.viewed).any()
    assert not (seen.viewed & ~seen.opened).any()


def test_what_was_seen_before_is_opened_less(people: People, library: Library) -> None:
    screens = [screen_of(person, number=number) for person in range(60) for number in range(10)]
    knowing = empty_mind()
    knowing.seen[:] = True

    fresh = look(people, library, empty_mind(), screens).opened.sum()
    stale = look(people, library, knowing, screens).opened.sum()

    assert stale < 0.6 * fresh


def test_visits_begin_on_their_day_in_order_and_thin_as_declared() -> None:
    everybody = draw_people(seed=7, count=3_000, world=assortment())

    visits = plan_visits(
        seed=7, day=3, midnight=NOON.replace(hour=0), people=everybody, scenario=DEMO,
        utc_offset_hours=8.0,
    )  # fmt: skip

    assert [visit.clock for visit in visits] == sorted(visit.clock for visit in visits)
    assert {visit.clock.date() for visit in visits} == {NOON.date()}
    active = len({visit.person for visit in visits})
    assert active / 3_000 == pytest.approx(0.37, abs=0.03)
    requests = sum(visit.requests for visit in visits)
    assert requests * choice.mean_depth(shown=20) / active == pytest.approx(25, rel=0.05)


def test_first_notes_are_mostly_by_people_and_commercial_ones_say_so(people: People) -> None:
    plans = plan_first_notes(seed=7, people=people, world=assortment(), until=NOON)

    moments = [at for at, _ in plans]
    assert moments == sorted(moments)
    assert moments[-1] < NOON
    assert len({*moments}) == len(moments)
    for _, plan in plans:
        commercial = plan.is_brand or plan.is_sponsored or plan.earns_commission
        assert bool(plan.disclosure) == commercial
        assert (plan.brand is not None) == (plan.is_brand or plan.is_sponsored)


def test_a_buyer_writes_about_what_they_bought(people: People) -> None:
    rng = stream(seed=1, purpose="write")

    plan = plan_note(rng=rng, author=4, people=people, world=assortment(), product=10)

    assert (plan.author, plan.products, plan.shelf, plan.kind) == (4, (10,), 3, "experience")
    assert not plan.is_sponsored
