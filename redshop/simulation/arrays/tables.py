"""A lived arm as tables: what an analyst would find of it, and the truth beside.

Persons, notes, products and orders are numbered from 0; moments are days since the first midnight.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from redshop.simulation.arrays import state
from redshop.simulation.arrays.log import Seen
from redshop.simulation.arrays.replication import Lived
from redshop.simulation.arrays.world import TYPES
from redshop.simulation.assortment import LANGUAGES
from redshop.simulation.types import Ints

Table = Mapping[str, Any]
SURFACES: Final = ("explore", "search", "following")
#: What was done with a note that was opened, and its bit.
DEEDS: Final = {
    "read": state.READ,
    "like": state.LIKE,
    "save": state.SAVE,
    "comment": state.COMMENT,
    "share": state.SHARE,
    "follow": state.FOLLOW,
    "product_view": state.VIEW,
    "cart_add": state.CART,
}
#: Of a share of the truth that no note is owed.
NO_NOTE: Final = -1


def tables_of(lived: Lived, seen: Seen) -> dict[str, Table]:
    """Return the tables ``people, products, notes, shown, orders, truth``, columns by name.

    ``shown`` has a row for every note on a screen; ``truth`` one for each note that an order is
    owed to, and one without a note (``NO_NOTE``) for what would have been bought anyway: parts of
    the order's chance that add up to 1.
    """
    return {
        "people": _people(lived),
        "products": _products(lived),
        "notes": _notes(lived),
        "shown": _shown(seen),
        "orders": _orders(lived),
        "truth": _truth(lived),
    }


def _named(names: tuple[str, ...], places: Ints) -> Any:
    return np.array(names, dtype=object)[places]


def _people(lived: Lived) -> Table:
    people = lived.arm.world.people
    return {
        "person": np.arange(len(people)),
        "language": _named(LANGUAGES, people.language),
        "is_female": people.is_female,
        "is_creator": people.is_creator,
    }


def _products(lived: Lived) -> Table:
    shop = lived.arm.world.shop
    return {
        "product": np.arange(len(shop.shelf)),
        "topic": shop.shelf,
        "brand": shop.brand,
        "price_minor": shop.price_minor.astype(np.int64),
        "relative_price": lived.arm.goods.relative_price,
    }


def _notes(lived: Lived) -> Table:
    arm, notes = lived.arm, lived.arm.notes
    there = np.flatnonzero(arm.exists)
    generated = notes.generation < arm.told.number("publishing.generated")
    return {
        "note": there,
        "author": notes.author[there],
        "day": notes.day[there],
        "topic": notes.shelf[there],
        "product": notes.product[there],
        "language": _named(LANGUAGES, notes.language[there]),
        "type": _named(TYPES, notes.type[there]),
        "is_of_brand": notes.author[there] >= arm.world.count,
        "is_paid": arm.is_paid[there],
        "is_generated": generated[there],
        "is_proven": arm.is_review[there],
    }


def _shown(seen: Seen) -> Table:
    return {
        "person": seen.person,
        "note": seen.note,
        "day": seen.when,
        "request": seen.request,
        "position": seen.position,
        "surface": _named(SURFACES, seen.surface),
        "opened": seen.is_opened,
        "seen_before": seen.is_again,
        **{name: seen.deeds & bit > 0 for name, bit in DEEDS.items()},
    }


def _orders(lived: Lived) -> Table:
    orders = lived.arm.sales.orders
    return {
        "order": np.arange(len(orders)),
        "person": orders.person,
        "product": orders.product,
        "note": orders.note,
        "carted": orders.carted,
        "paid": orders.paid,
        "amount_minor": orders.amount_minor.astype(np.int64),
        "refunded": np.where(np.isfinite(orders.refunded), orders.refunded, np.nan),
    }


def _truth(lived: Lived) -> Table:
    truth = lived.truth
    count, sizes = len(truth.chance), np.diff(truth.shares.ends)
    of_notes = np.repeat(np.arange(count), sizes)
    return {
        "order": np.concatenate([np.arange(count), of_notes]),
        "note": np.concatenate([np.full(count, NO_NOTE), truth.shares.notes]),
        "share": np.concatenate(
            [truth.baseline / truth.chance, truth.shares.values / truth.chance[of_notes]]
        ),
    }
