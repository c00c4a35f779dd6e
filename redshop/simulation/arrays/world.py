"""What all arms of a replication share: people, what is sold, and every note that may be written.

Whether a note is written, and what becomes of it, depends on the arm; what it would be does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from redshop.simulation.arrays.draws import Purpose, normals, uniforms
from redshop.simulation.assortment import Assortment, assortment
from redshop.simulation.authors import FIRST_NOTES_DAYS, SHOWS_PRODUCT, TEXT_ONLY
from redshop.simulation.behaviour.engagement import MEDIAN_DWELL
from redshop.simulation.behaviour.publishing import note_quality
from redshop.simulation.behaviour.purchase import AFTER_CART, category_part
from redshop.simulation.calibration import figure
from redshop.simulation.content import KIND_SHARES, KINDS
from redshop.simulation.population import LANGUAGE_SHARES, People, draw_people
from redshop.simulation.scenario import Settings
from redshop.simulation.types import Bools, Floats, Ints
from redshop.studio.attributes import LEVELS, WRITTEN

#: Creators publish at most so many times their usual rate, whatever they earn.
MOST_RESPONSE: Final = 1.5
#: Notes are proposed for so many days.
POOL_DAYS: Final = FIRST_NOTES_DAYS
#: Creators that a person follows at first, at most, and of later ones (assumed).
FIRST_FOLLOWED, MOST_FOLLOWED = 4, 16
#: Types of notes, and the share of people's notes that are videos (assumed).
TYPES: Final = ("image", "video", "text")
VIDEO_SHARE: Final = 0.25
#: Places for notes about purchases, for each note that may be written otherwise.
REVIEW_PLACES: Final = 0.1
#: Modes of growth in which drafts of the studio are published.
DRAFTING: Final = ("drafted", "cultivated")
#: Notes that are bought (``growth.mode``).
ORDINARY, SEEDED, CULTIVATED = 0, 1, 2
NOBODY: Final = -1


class Shop(NamedTuple):
    """What is sold: arrays of products."""

    shelf: Ints
    brand: Ints
    relative_price: Floats
    price_minor: Floats
    delay_days: Floats  #: mean days from the cart to the checkout
    refund_share: Floats


class Notes(NamedTuple):
    """Notes that may be written, then places for notes about purchases: arrays of one length.

    ``day`` is negative before the first day; of a place where nothing is written yet it is far in
    the future. ``threshold`` is written where the author's rate is above it.
    """

    author: Ints  #: a person, or a brand behind the last person
    day: Ints
    shelf: Ints
    product: Ints  #: NOBODY shows none
    brand: Ints  #: of the product
    language: Ints
    type: Ints
    quality: Floats
    median_dwell: Floats
    threshold: Floats
    commerce: Floats  #: decides whether a brand pays
    generation: Floats  #: decides whether a model writes
    bought: Ints  #: ORDINARY, SEEDED or CULTIVATED
    rank: Floats  #: of those bought, which are the first on a day
    words: NDArray[np.int8]  #: int8[notes, len(WRITTEN)], the level of each attribute of its words

    def copied(self) -> "Notes":
        """Return notes that change apart from these."""
        return Notes(**{name: column.copy() for name, column in self._asdict().items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One replication's world before the first day."""

    seed: int
    days: int
    people: People
    assortment: Assortment
    shop: Shop
    authors: Ints  #: everybody who writes, people and then brands
    notes: Notes
    written: int  #: so many of the notes are no places for purchases
    follows: NDArray[np.int32]  #: int32[people, MOST_FOLLOWED], places in ``authors``
    places_by_shelf: Sequence[Ints]  #: the places for purchases

    @property
    def count(self) -> int:
        """How many people there are."""
        return len(self.people)


def draw_world(*, seed: int, told: Settings, arms: Sequence[Settings]) -> World:
    """Draw the world of an arm: what all arms of a replication whose people are alike have in
    common, with room for the notes that any of ``arms`` buys."""
    goods = assortment()
    people = draw_people(
        seed=seed, count=told.whole("population.people"), world=goods, figures=told.number
    )
    shop = _shop(goods)
    creators = np.flatnonzero(people.is_creator)
    brand_notes = _brand_notes_a_day(len(creators), told)
    # a brand writes once a day at most under each of its accounts
    accounts = int(np.ceil(brand_notes / len(goods.brands) * 1.001))
    brands = np.tile(np.arange(len(goods.brands)), max(accounts, 1))
    authors = np.concatenate([creators, len(people) + brands])
    days = told.whole("population.days")
    rates = np.where(
        authors >= len(people),
        brand_notes / len(brands),
        MOST_RESPONSE * told.number("population.notes_per_creator_day"),
    )
    ordinary = _ordinary(seed, authors, rates, people, shop, days)
    bought = [_bought(seed, people, shop, days, kind, arms) for kind in (SEEDED, CULTIVATED)]
    notes = _joined([ordinary, *bought])
    written = len(notes.author)
    places = max(int(written * REVIEW_PLACES) // len(goods.shelves), 8)
    notes = _with_places(notes, places, len(goods.shelves))
    return World(
        seed=seed,
        days=days,
        people=people,
        assortment=goods,
        shop=shop,
        authors=authors,
        notes=notes,
        written=written,
        follows=_first_follows(seed, people, len(creators)),
        places_by_shelf=np.split(
            written + np.arange(places * len(goods.shelves)), len(goods.shelves)
        ),
    )


def _shop(goods: Assortment) -> Shop:
    shelf = goods.shelf_of_product()
    parts = [category_part(goods.shelves[place].top) for place in shelf]
    delays, refunds = figure("purchase.days_to_convert"), figure("purchase.refund_share")
    return Shop(
        shelf=shelf,
        brand=np.array([product.brand for product in goods.products]),
        relative_price=goods.relative_price(),
        price_minor=np.array([float(each.skus[0].price_minor) for each in goods.products]),
        delay_days=np.array([AFTER_CART * delays.at(part) for part in parts]),
        refund_share=np.array([refunds.at(part) for part in parts]),
    )


def _brand_notes_a_day(creators: int, told: Settings) -> float:
    """Return the notes of brands a day: people's are ``population.user_generated_share``."""
    by_people = figure("population.user_generated_share").number
    return creators * told.number("population.notes_per_creator_day") * (1 / by_people - 1)


def _ordinary(
    seed: int, authors: Ints, rates: Floats, people: People, shop: Shop, days: int
) -> Notes:
    """Return what creators and brands may write on their own account, one a day at most.

    Args:
        rates: float64[authors], how likely each writes on a day at most.
    """
    day = np.repeat(np.arange(-POOL_DAYS, days), len(authors))
    place = np.tile(np.arange(len(authors)), days + POOL_DAYS)
    key = place + len(authors) * (day + POOL_DAYS)
    drawn = uniforms(seed=seed, purpose=Purpose.PUBLISHES, step=0, persons=key)
    there = drawn < rates[place]
    return _drawn(
        seed, authors[place[there]], day[there], people, shop, drawn[there], key[there], ORDINARY
    )


def _bought(
    seed: int, people: People, shop: Shop, days: int, kind: int, arms: Sequence[Settings]
) -> Notes:
    """Return the notes that a brand's budget may buy, about its products, spread over the days."""
    a_day = max((notes_bought(told, kind) for told in arms), default=0.0)
    count = int(np.ceil(a_day))
    brand = arms[0].whole("growth.brand")
    day = np.repeat(np.arange(days), count)
    rank = np.tile(np.arange(count, dtype=np.float64), days)
    key = np.arange(len(day)) + (1 << 40) + (kind << 44)
    if kind == SEEDED:
        who = np.flatnonzero(people.is_creator)
        drawn = uniforms(seed=seed, purpose=Purpose.NOTE, step=9, persons=key)
        author = who[(drawn * len(who)).astype(np.int64)] if len(who) else np.empty(0, np.int64)
    else:  # drafts appear in the name of the brand, and say that a model wrote them
        author = np.full(len(day), len(people) + brand)
    notes = _drawn(seed, author, day, people, shop, np.zeros(len(day)), key, kind)
    mine = np.flatnonzero(shop.brand == brand)
    if not len(mine) or not len(day):
        return Notes(**{name: column[:0] for name, column in notes._asdict().items()})
    chosen = mine[
        (uniforms(seed=seed, purpose=Purpose.NOTE, step=10, persons=key) * len(mine)).astype(int)
    ]
    notes = notes._replace(
        product=chosen, brand=shop.brand[chosen], shelf=shop.shelf[chosen], rank=rank
    )
    return notes if kind == SEEDED else notes._replace(generation=np.zeros(len(day)))


def _joined(parts: Sequence[Notes]) -> Notes:
    names = Notes._fields
    return Notes(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def notes_bought(told: Settings, kind: int) -> float:
    """Return how many notes a day a budget buys."""
    modes, price = {
        SEEDED: (("seeded",), "growth.seeded_note_minor"),
        CULTIVATED: (DRAFTING, "growth.draft_minor"),
    }[kind]
    if told.text("growth.mode") not in modes:
        return 0.0
    return told.number("growth.budget_minor") / told.number(price) / told.number("population.days")


def _drawn(
    seed: int,
    author: Ints,
    day: Ints,
    people: People,
    shop: Shop,
    threshold: Floats,
    key: Ints,
    bought: int,
) -> Notes:
    """Draw what notes are about and how good they are, whoever writes them."""

    def drawn(step: int) -> Floats:
        return uniforms(seed=seed, purpose=Purpose.NOTE, step=step, persons=key)

    is_brand = author >= len(people)
    person = np.where(is_brand, 0, author)
    shelf = _of_row(people.interests[person], drawn(0))
    by_shelf = _products_by(shop.shelf)
    product = _one_of(by_shelf, shelf, drawn(1))
    shown = sum(SHOWS_PRODUCT[kind] * share for kind, share in zip(KINDS, KIND_SHARES, strict=True))
    product = np.where(drawn(2) < shown, product, NOBODY)
    if is_brand.any():
        own = _one_of(
            _products_by(shop.brand), np.where(is_brand, author - len(people), 0), drawn(1)
        )
        product = np.where(is_brand, own, product)
        shelf = np.where(is_brand, shop.shelf[own], shelf)
    kind = np.where(drawn(3) < VIDEO_SHARE, 1, np.where(drawn(4) < TEXT_ONLY / 2, 2, 0))
    languages = np.searchsorted(np.cumsum(LANGUAGE_SHARES[:-1]), drawn(5))
    noise = normals(seed=seed, purpose=Purpose.NOTE, step=6, persons=key)
    skill = np.where(is_brand, 0.0, people.skill[person])
    return Notes(
        author=author,
        day=day,
        shelf=shelf,
        product=product,
        brand=np.where(product >= 0, shop.brand[product], NOBODY),
        language=np.where(is_brand, languages, people.language[person]),
        type=kind,
        quality=np.where(is_brand, noise, note_quality(skill, noise)),
        median_dwell=np.array([MEDIAN_DWELL[name] for name in TYPES])[kind],
        threshold=threshold,
        commerce=drawn(7),
        generation=drawn(8),
        bought=np.full(len(author), bought),
        rank=np.zeros(len(author)),
        words=_words(seed, key),
    )


def _words(seed: int, key: Ints) -> NDArray[np.int8]:
    """Return what the words of each note are like: each level of an attribute as likely."""
    columns = [
        uniforms(seed=seed, purpose=Purpose.NOTE, step=11 + place, persons=key) * len(LEVELS[name])
        for place, name in enumerate(WRITTEN)
    ]
    return np.stack(columns, axis=1).astype(np.int8)


def _of_row(weights: Floats, drawn: Floats) -> Ints:
    """Return int64[rows]: one column of each row, as likely as it weighs."""
    sums = np.cumsum(weights, axis=1)
    return np.asarray((sums < (drawn * sums[:, -1])[:, None]).sum(axis=1))


def _products_by(of: Ints) -> list[Ints]:
    return [np.flatnonzero(of == place) for place in range(int(of.max()) + 1)]


def _one_of(groups: Sequence[Ints], which: Ints, drawn: Floats) -> Ints:
    """Return int64[n]: one member of each group named, 0 where it has none."""
    sizes = np.array([len(group) for group in groups])
    table = np.zeros((len(groups), max(int(sizes.max()), 1)), dtype=np.int64)
    for place, group in enumerate(groups):
        table[place, : len(group)] = group
    return np.asarray(table[which, (drawn * sizes[which]).astype(np.int64)])


def _with_places(notes: Notes, places: int, shelves: int) -> Notes:
    """Add places for notes about purchases, as many for each shelf."""
    count, never = places * shelves, np.iinfo(np.int32).max
    empty = {
        name: np.zeros((count, *column.shape[1:]), dtype=column.dtype)
        for name, column in notes._asdict().items()
    }
    empty |= {
        "day": np.full(count, never),
        "shelf": np.repeat(np.arange(shelves), places),
        "product": np.full(count, NOBODY),
        "brand": np.full(count, NOBODY),
        "commerce": np.ones(count),
        "generation": np.ones(count),
        "median_dwell": np.full(count, MEDIAN_DWELL["image"]),
    }
    return Notes(
        **{name: np.concatenate([column, empty[name]]) for name, column in notes._asdict().items()}
    )


def _first_follows(seed: int, people: People, creators: int) -> NDArray[np.int32]:
    """Return whom each follows at first, as places among the creators; NOBODY where nobody.

    FIRST_FOLLOWED draws each, which favour some creators, as popularity does (assumed).
    """
    follows = np.full((len(people), MOST_FOLLOWED), NOBODY, dtype=np.int32)
    everybody = np.arange(len(people))
    for slot in range(FIRST_FOLLOWED if creators else 0):
        drawn = uniforms(seed=seed, purpose=Purpose.FOLLOWS, step=0, persons=everybody, slot=slot)
        follows[:, slot] = (drawn**2 * creators).astype(np.int32)
    return follows


def is_paid_for(notes: Notes, told: Settings) -> Bools:
    """Tell which notes a brand pays for: some product notes of people, and those seeded."""
    return np.asarray(
        (notes.bought == SEEDED)
        | ((notes.product >= 0) & (notes.commerce < told.number("publishing.sponsored")))
    )
