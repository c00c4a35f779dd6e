"""What authors decide to write: the plan of a note, before any service is called."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from redshop.simulation.assortment import LANGUAGES, Assortment
from redshop.simulation.behaviour.choice import TRUST
from redshop.simulation.behaviour.publishing import QUALITY_OF_BUYERS, note_quality
from redshop.simulation.calibration import figure
from redshop.simulation.content import Subject, Text, draw_kind, write_note
from redshop.simulation.population import People, language_of
from redshop.simulation.shops import KIND_TOPICS, PICTURES
from redshop.simulation.streams import stream

#: Share of people's notes that show a product, by kind (assumed).
SHOWS_PRODUCT: Final = {"experience": 0.85, "list": 0.65, "mood": 0.25, "brand": 1.0}
#: Shares of people's product notes that a brand pays for, and that earn commission (assumed).
SPONSORED: Final = 0.06
EARNS: Final = 0.12
#: Shares of AI use in writing (assumed).
ASSISTED: Final = 0.08
GENERATED: Final = 0.02
TEXT_ONLY: Final = 0.12
#: Notes that are there when the first day begins, per person, and over how many days (assumed).
FIRST_NOTES_PER_PERSON: Final = 0.5
FEWEST_FIRST_NOTES: Final = 60
FIRST_NOTES_DAYS: Final = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePlan:
    """A note to be; authors beyond the last person are brands."""

    author: int
    language: str
    shelf: int
    products: tuple[int, ...]
    brand: int | None
    kind: str
    type: str
    text: Text
    pictures: tuple[int, ...]
    is_brand: bool
    is_sponsored: bool
    earns_commission: bool
    ai_use: str
    quality: float

    @property
    def disclosure(self) -> str:
        """The label that the note must bear."""
        if self.is_sponsored:
            return "paid_partnership"
        return "ad" if self.is_brand or self.earns_commission else ""

    @property
    def topic(self) -> str:
        """The topic that goes with the kind of note."""
        return KIND_TOPICS[self.kind][0]

    @property
    def trust(self) -> float:
        """How far readers trust a note of this provenance, in logits."""
        return (
            (TRUST["brand"] if self.is_brand else TRUST["user"])
            + TRUST["sponsored"] * (self.is_sponsored or self.earns_commission)
            + TRUST["generated"] * (self.ai_use == "generated")
        )


def plan_note(
    *,
    rng: np.random.Generator,
    author: int,
    people: People,
    world: Assortment,
    product: int | None = None,
) -> NotePlan:
    """Plan what a person writes; ``product`` is what they bought, where that is the occasion."""
    language = language_of(people, author)
    kind = "experience" if product is not None else draw_kind(rng)
    shelf, products = _subject(rng, author, kind, people, world, product)
    brand = world.products[products[0]].brand if products else None
    commerce, ai, skill = rng.random(), rng.random(), float(people.skill[author])
    is_own = product is not None
    is_sponsored = bool(products) and not is_own and kind == "experience" and commerce < SPONSORED
    earns = bool(products) and SPONSORED <= commerce < SPONSORED + EARNS
    closing = "paid" if is_sponsored else "" if earns else "own"
    noise = rng.standard_normal(1)
    quality = float(note_quality(np.array([skill]), noise)[0]) + QUALITY_OF_BUYERS * is_own
    return NotePlan(
        author=author,
        language=language,
        shelf=shelf,
        products=products,
        brand=brand if is_sponsored else None,
        kind=kind,
        type="text" if kind == "mood" and rng.random() < TEXT_ONLY / 0.2 else "image",
        text=_write(rng, kind, language, world, shelf, products, closing=closing),
        pictures=_pictures(rng),
        is_brand=False,
        is_sponsored=is_sponsored,
        earns_commission=earns,
        ai_use=_ai_use(ai),
        quality=quality,
    )


def plan_brand_note(
    *, rng: np.random.Generator, brand: int, people: People, world: Assortment
) -> NotePlan:
    """Plan what a brand writes about one of its products, mostly in Chinese."""
    mine = [place for place, product in enumerate(world.products) if product.brand == brand]
    product = mine[int(rng.integers(len(mine)))]
    shelf = world.products[product].shelf
    language = LANGUAGES[int(rng.choice(len(LANGUAGES), p=(0.6, 0.25, 0.15)))]
    return NotePlan(
        author=len(people) + brand,
        language=language,
        shelf=shelf,
        products=(product,),
        brand=brand,
        kind="brand",
        type="image",
        text=_write(rng, "brand", language, world, shelf, (product,), closing=""),
        pictures=_pictures(rng),
        is_brand=True,
        is_sponsored=False,
        earns_commission=False,
        ai_use=_ai_use(rng.random()),
        quality=float(rng.standard_normal()),
    )


def plan_first_notes(
    *, seed: int, people: People, world: Assortment, until: datetime
) -> list[tuple[datetime, NotePlan]]:
    """Plan the notes that are there when the first day begins, oldest first.

    ``population.user_generated_share`` are by people, most of them creators; the rest by brands.
    """
    rng = stream(seed=seed, purpose="first notes")
    count = max(round(FIRST_NOTES_PER_PERSON * len(people)), FEWEST_FIRST_NOTES)
    ages = np.sort(rng.random(count))[::-1] * FIRST_NOTES_DAYS
    return [
        (
            until - timedelta(minutes=5, seconds=round(float(age) * 86_400)),
            _plan_first(seed, place, people, world),
        )
        for place, age in enumerate(ages)
    ]


def _plan_first(seed: int, place: int, people: People, world: Assortment) -> NotePlan:
    rng = stream(seed=seed, purpose="first note", person=place)
    if rng.random() >= figure("population.user_generated_share").number:
        brand = int(rng.integers(len(world.brands)))
        return plan_brand_note(rng=rng, brand=brand, people=people, world=world)
    writers = people.is_creator if rng.random() < 0.7 else people.is_sharer
    author = int(rng.choice(np.flatnonzero(writers)))
    return plan_note(rng=rng, author=author, people=people, world=world)


def _subject(
    rng: np.random.Generator,
    author: int,
    kind: str,
    people: People,
    world: Assortment,
    bought: int | None,
) -> tuple[int, tuple[int, ...]]:
    """Return the shelf and the products that a note is about."""
    if bought is not None:
        return world.products[bought].shelf, (bought,)
    chances = people.interests[author] / people.interests[author].sum()
    shelf = int(rng.choice(len(world.shelves), p=chances))
    there = [place for place, product in enumerate(world.products) if product.shelf == shelf]
    shown = rng.permutation(there)[: 2 if kind == "list" else 1]
    if rng.random() >= SHOWS_PRODUCT[kind]:
        return shelf, ()
    return shelf, tuple(int(place) for place in shown)


def _write(
    rng: np.random.Generator,
    kind: str,
    language: str,
    world: Assortment,
    shelf: int,
    products: Sequence[int],
    *,
    closing: str,
) -> Text:
    product = world.products[products[0]] if products else None
    subject = Subject(
        language=language,
        shelf=world.shelves[shelf],
        product=product.name if product else "",
        brand=world.brands[product.brand].name if product else "",
    )
    return write_note(kind=kind, subject=subject, rng=rng, closing=closing)


def _pictures(rng: np.random.Generator) -> tuple[int, ...]:
    count = 1 + int(rng.random() < 0.5)
    return tuple(int(place) for place in rng.permutation(PICTURES)[:count])


def _ai_use(draw: float) -> str:
    if draw < GENERATED:
        return "generated"
    return "assisted" if draw < GENERATED + ASSISTED else "none"
