"""A round: everyone in the app asks once, looks at what comes, and goes on."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np

from notes.discovery import feed
from notes.discovery.search import notes as search
from notes.discovery.types import RankedPage, Viewer
from redshop.core.populations import Population
from redshop.events.kinds import Surface
from redshop.events.services import ingestion
from redshop.events.types import Batch
from redshop.simulation.behaviour import purchase, sessions
from redshop.simulation.content import Subject, write_query
from redshop.simulation.glance import Screen, glance, remember
from redshop.simulation.life import Life
from redshop.simulation.population import language_of
from redshop.simulation.streams import stream
from redshop.simulation.timeline import Shown, row, turn, unroll
from redshop.simulation.visits import PAGE, Visit

#: Seconds that somebody on an errand looks for the product they have in mind (assumed).
LOOKING: Final = 20
#: Events that a device sends at once: half of what a batch may have.
ROWS_A_BATCH: Final = 500


_PLACES: Final = {False: "feed", True: "search"}


def live_visits(life: Life, visits: Sequence[Visit], *, at: datetime) -> None:
    """Let visits that start in one step of time run to their ends, and report them to the log."""
    for visit in visits:
        if visit.is_errand:
            _run_errand(life, visit)
    inside = list(visits)
    while inside:
        _look(life, inside, at=at)
        inside = [visit for visit in inside if visit.done < visit.requests]
    for visit in visits:
        _report(life, visit)


def _look(life: Life, visits: Sequence[Visit], *, at: datetime) -> None:
    """Ask for one screen each, look at it, and go on."""
    shown, screens = _ask(life, visits, at=at)
    if any(screen.notes for screen in screens):
        _make_something_of(life, shown, screens)
    turn(shown)


def _make_something_of(life: Life, shown: Sequence[Shown], screens: Sequence[Screen]) -> None:
    """Decide what everybody does with their screens, and remember it."""
    life.mind.make_room(notes=len(life.library))
    seen = glance(
        seed=life.seed,
        screens=screens,
        people=life.people,
        columns=life.library.columns,
        likes=np.array(life.library.likes),
        products_of=[card.products for card in life.library.cards],
        mind=life.mind,
        scenario=life.scenario,
    )
    unroll(
        seen,
        shown,
        note_id_of=lambda place: life.library.cards[place].id,
        product_id_of=lambda place: life.shops.product_ids[place],
        agenda=life.agenda,
    )
    remember(seen, life.mind, life.scenario)


def _ask(life: Life, visits: Sequence[Visit], *, at: datetime) -> tuple[list[Shown], list[Screen]]:
    """Send everybody's request to the surface they are on; return what came back."""
    shown, screens = [], []
    by_surface: dict[str, list[Visit]] = {"search": [], "following": [], "explore": []}
    for visit in visits:
        by_surface[_surface(life, visit)].append(visit)
    for surface, asking in by_surface.items():
        life.tally[f"requests to {surface}"] += len(asking)
        for visit, page in zip(asking, _answers(life, surface, asking, at=at), strict=True):
            places = [life.library.place_of(note_id) for note_id in page.note_ids]
            shown.append(Shown(visit=visit, request_id=page.request_id, surface=surface))
            screens.append(
                Screen(
                    person=visit.person,
                    day=visit.day,
                    number=visit.number,
                    is_search=surface == "search",
                    notes=tuple(place for place in places if place is not None),
                )
            )
    return shown, screens


def _surface(life: Life, visit: Visit) -> str:
    """Decide where a person goes next (see ``behaviour.sessions``)."""
    rng = stream(
        seed=life.seed, purpose=f"surface:{visit.number}", day=visit.day, person=visit.person
    )
    draws = rng.random(2)
    if visit.done:
        before, searcher = np.array([visit.is_search]), life.people.is_searcher[[visit.person]]
        searches = bool(sessions.next_searches(before, searcher, draws[:1])[0])
        life.tally[f"pairs: {_PLACES[visit.is_search]}_to_{_PLACES[searches]}"] += 1
        visit.is_search = searches
    if visit.is_search:
        return Surface.SEARCH.value
    if life.follows_someone(visit.person) and draws[1] < sessions.FOLLOWING_SHARE:
        return Surface.FOLLOWING.value
    return Surface.EXPLORE.value


def _answers(
    life: Life, surface: str, visits: Sequence[Visit], *, at: datetime
) -> list[RankedPage]:
    """Ask the real feeds for all viewers at once, and the real search for each query."""
    viewers = [Viewer(person_id=life.residents.person_ids[visit.person]) for visit in visits]
    if surface == Surface.EXPLORE:
        names = [_request_id(life, visit) for visit in visits]
        return feed.explore_many(
            viewers=viewers, at=at, limit=PAGE, keep=True, depth=PAGE, request_ids=names
        )
    if surface == Surface.FOLLOWING:
        return feed.following_many(viewers=viewers, at=at, limit=PAGE)
    queries = [_query(life, visit) for visit in visits]
    asks = [search.Ask(viewer, query) for viewer, query in zip(viewers, queries, strict=True)]
    pages = search.search_many(asks=asks, at=at, limit=PAGE)
    for visit, query, page in zip(visits, queries, pages, strict=True):
        _submit(visit, query, page)
    return pages


def _request_id(life: Life, visit: Visit) -> UUID:
    """Name a request: by its lower half, which the feed's chance goes by, it is always the same."""
    rng = stream(
        seed=life.seed,
        purpose=f"request:{visit.number}:{visit.done}",
        day=visit.day,
        person=visit.person,
    )
    return UUID(bytes=os.urandom(8) + rng.bytes(8), version=4)


def _query(life: Life, visit: Visit) -> str:
    """Return what the person types, about what interests them most right now."""
    rng = stream(
        seed=life.seed, purpose=f"query:{visit.number}", day=visit.day, person=visit.person
    )
    return write_query(subject=_subject(life, visit.person, rng), rng=rng)


def _submit(visit: Visit, query: str, page: RankedPage) -> None:
    visit.rows.append(
        row(
            "search_submit",
            at=visit.clock,
            surface=Surface.SEARCH.value,
            request_id=str(page.request_id),
            query=query,
        )
    )
    visit.clock += timedelta(seconds=1)


def _subject(life: Life, person: int, rng: np.random.Generator) -> Subject:
    """Choose a shelf by interest, the more so if a product on it is wanted."""
    weights = life.people.interests[person].copy()
    np.add.at(weights, life.world.shelf_of_product(), life.mind.interest[person])
    shelf = int(rng.choice(len(weights), p=weights / weights.sum()))
    there = [product for product in life.world.products if product.shelf == shelf]
    return Subject(
        language=language_of(life.people, person),
        shelf=life.world.shelves[shelf],
        brand=life.world.brands[there[int(rng.integers(len(there)))].brand].name,
    )


def _run_errand(life: Life, visit: Visit) -> None:
    """Look up a product that one has in mind already; no note leads there."""
    rng = stream(seed=life.seed, purpose="errand", day=visit.day, person=visit.person)
    weights = life.people.interests[visit.person][life.world.shelf_of_product()]
    product = int(rng.choice(len(weights), p=weights / weights.sum()))
    visit.clock += timedelta(seconds=LOOKING)
    visit.rows.append(
        row(
            "product_view",
            at=visit.clock,
            surface=Surface.PRODUCT.value,
            product_id=life.shops.product_ids[product],
        )
    )
    draws = rng.random(5).tolist()
    if draws[0] < purchase.ERRAND_CARTS and not life.mind.wants[visit.person, product]:
        life.agenda.plan(
            visit.clock + timedelta(seconds=5),
            "cart",
            person=visit.person,
            product=product,
            pays=draws[1] < purchase.paid_probability(factor=life.scenario.paid_factor),
            **dict(zip(("sku", "quantity", "delay"), draws[2:], strict=True)),
        )
    visit.clock += timedelta(seconds=LOOKING)


def _report(life: Life, visit: Visit) -> None:
    """Send what the visit's device saw, through the door that every client uses."""
    for start in range(0, len(visit.rows), ROWS_A_BATCH):
        taken = ingestion.ingest(
            batch=Batch(
                sent_at=visit.clock,
                visitor_id=None,
                session_id=visit.session_id,
                rows=visit.rows[start : start + ROWS_A_BATCH],
            ),
            person_id=life.residents.person_ids[visit.person],
            received_at=visit.clock,
            population=Population.SIMULATED,
        )
        life.tally["client events taken"] += taken.accepted
        life.tally["client events rejected"] += len(taken.rejected)
    visit.rows.clear()
