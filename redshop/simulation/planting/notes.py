"""Notes of a world in memory as notes: with text, pictures, topics and products."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import numpy as np

from notes.integrity import labels
from notes.models import Note, Topic
from notes.services import history
from notes.services.history import PastNote
from notes.states import NoteState
from redshop.catalog.services import lending
from redshop.core.db import requires_transaction
from redshop.core.populations import Population
from redshop.simulation.arrays.log import Seen
from redshop.simulation.arrays.replication import Lived
from redshop.simulation.arrays.world import CULTIVATED, TYPES
from redshop.simulation.assortment import LANGUAGES
from redshop.simulation.content import Subject, Text, draw_kind, write_note
from redshop.simulation.life import Life
from redshop.simulation.shops import KIND_TOPICS, PICTURES
from redshop.simulation.streams import stream
from redshop.simulation.types import Floats, Ints

#: So many notes are written at a time.
CHUNK: Final = 5_000


@requires_transaction
def plant_notes(life: Life, lived: Lived, seen: Seen) -> Ints:
    """Write the notes that were published; return int64[notes]: each one's id, 0 where none is."""
    arm = lived.arm
    there = places_of(lived)
    ids = np.zeros(len(arm.exists), dtype=np.int64)
    topics = dict(Topic.objects.values_list("slug", "pk"))
    days = _days(life, lived, seen)
    for start in range(0, len(there), CHUNK):
        some = there[start : start + CHUNK]
        past = [_note(life, lived, int(place), float(days[place]), topics) for place in some]
        ids[some] = history.import_notes(past)
    return ids


def places_of(lived: Lived) -> Ints:
    """Return int64[n]: the notes that were published, in the order in which they are written."""
    there = np.flatnonzero(lived.arm.exists)
    return there[np.argsort(lived.arm.notes.day[there], kind="stable")]


def _days(life: Life, lived: Lived, seen: Seen) -> Floats:
    """Return float64[notes]: when each was published, on its day and before anybody saw it."""
    day = lived.arm.notes.day.astype(np.float64)
    first = np.full(len(day), np.inf)
    np.minimum.at(first, seen.note, seen.when)
    part = stream(seed=life.seed, purpose="planted hour").random(len(day))
    return np.asarray(day + part * np.clip(np.minimum(first, day + 1.0) - day, 0.0, 1.0) * 0.999)


def _note(life: Life, lived: Lived, place: int, day: float, topics: Mapping[str, int]) -> PastNote:
    """Return a note to be written."""
    columns, arm = lived.arm.notes, lived.arm
    rng = stream(seed=life.seed, purpose="planted note", person=place)
    author, product = int(columns.author[place]), int(columns.product[place])
    is_brand, is_paid = author >= len(life.people), bool(arm.is_paid[place])
    is_sponsored = is_paid and not is_brand
    kind = "brand" if is_brand else "experience" if product >= 0 else draw_kind(rng)
    text = _text(life, lived, place, kind, rng)
    at = life.run.since_at + timedelta(milliseconds=round(day * 86_400_000))
    is_generated = columns.generation[place] < arm.told.number("publishing.generated")
    is_drafted = columns.bought[place] == CULTIVATED
    shelf = life.world.shelves[int(columns.shelf[place])]
    note = Note(
        author_id=life.residents.account(author),
        brand_id=_brand(life, product) if is_brand or is_sponsored else None,
        # nobody made a film for it: a video is its cover
        type="text" if TYPES[int(columns.type[place])] == "text" else "image",
        title=text.title,
        body=text.body,
        origin="brand" if is_brand else "user",
        is_sponsored=is_sponsored,
        disclosure="paid_partnership" if is_sponsored else "ad" if is_brand else "",
        ai_use="generated" if is_generated else "assisted" if is_drafted else "none",
        state=NoteState.PUBLISHED,
        population=Population.SIMULATED,
        created_at=at,
        published_at=at,
    )
    if product >= 0 and not note.disclosure and labels.is_every_product_commercial():
        note.disclosure = "ad"
    picture = life.shops.pictures[shelf.top][place % PICTURES]
    return PastNote(
        note=note,
        topic_ids=(topics[shelf.slug], topics[KIND_TOPICS[kind][0]]),
        product_ids=(life.shops.product_ids[product],) if product >= 0 else (),
        pictures=()
        if note.type == "text"
        else (lending.lent(picture, owner_id=note.author_id, at=at),),
    )


def _text(life: Life, lived: Lived, place: int, kind: str, rng: np.random.Generator) -> Text:
    columns, product = lived.arm.notes, int(lived.arm.notes.product[place])
    sold = life.world.products[product] if product >= 0 else None
    closing = "paid" if lived.arm.is_paid[place] else "own" if lived.arm.is_review[place] else ""
    return write_note(
        kind=kind,
        subject=Subject(
            language=LANGUAGES[int(columns.language[place])],
            shelf=life.world.shelves[int(columns.shelf[place])],
            product=sold.name if sold else "",
            brand=life.world.brands[sold.brand].name if sold else "",
        ),
        rng=rng,
        closing="" if kind == "brand" else closing,
    )


def _brand(life: Life, product: int) -> int:
    return life.shops.brand_ids[life.world.products[product].brand]
