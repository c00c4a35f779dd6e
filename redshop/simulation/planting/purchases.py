"""Carts of a world in memory: what the log says of them, which become orders, which stay."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from orders.models import CartItem
from orders.services import cart
from redshop.catalog.models import Sku
from redshop.catalog.services import stock
from redshop.core.db import requires_transaction
from redshop.core.populations import Population
from redshop.events.kinds import EventKind, Source, Surface
from redshop.events.services import writing
from redshop.simulation.arrays import state
from redshop.simulation.arrays.log import Carts
from redshop.simulation.arrays.sales import Draw, draws_about
from redshop.simulation.behaviour import purchase
from redshop.simulation.deeds.orders import DECLINED, TO_PAY
from redshop.simulation.life import Life
from redshop.simulation.planting.log import LogOf
from redshop.simulation.planting.naming import as_uuid, event_ids, moment, moments, request_ids
from redshop.simulation.shops import LOW_STOCK
from redshop.simulation.streams import stream
from redshop.simulation.types import Floats, Ints

#: Of names of events, apart from those of ``planting.log``.
_VIEWS, _ADDED = 1 << 40, 1 << 41
#: Seconds that somebody looks at a product that they came for (assumed).
_LOOKS: Final = 20.0


class Basket(NamedTuple):
    """Carts and what becomes of them; arrays of one length."""

    carts: Carts
    order: Ints  #: in memory; -1 where nothing was ordered
    is_left_unpaid: NDArray[np.bool_]  #: ordered here and never paid for
    quantity: Ints
    draws: dict[Draw, Floats]
    requests: NDArray[Any]  #: V16, of a note's


def basket_of(log: LogOf, carts: Carts) -> Basket:
    """Return the carts of a world, with the orders that they became."""
    orders = log.lived.arm.sales.orders
    names = _named(orders.person, orders.product, orders.carted)
    by_name = {name: place for place, name in enumerate(names)}
    mine = _named(carts.person, carts.product, carts.when)
    order = np.array([by_name.get(name, -1) for name in mine], dtype=np.int64)
    draws = draws_about(log.lived.arm.world.seed, carts.person, carts.product, carts.when)
    rng = stream(seed=log.life.seed, purpose="ordered and never paid")
    rest = max(int((order < 0).sum()), 1)
    unpaid = purchase.PAYS_LATER_NEVER / (1.0 - purchase.PAYS_LATER_NEVER) * len(orders) / rest
    return Basket(
        carts=carts,
        order=order,
        is_left_unpaid=(order < 0) & (rng.random(len(order)) < unpaid),
        quantity=purchase.quantities(draws[Draw.QUANTITY]),
        draws=draws,
        requests=_requests(log, carts),
    )


def _named(person: Ints, product: Ints, when: Floats) -> Iterator[tuple[int, int, float]]:
    """Yield the names of carts: nobody puts a thing in twice at once."""
    return zip(person.tolist(), product.tolist(), when.tolist(), strict=True)


def _requests(log: LogOf, carts: Carts) -> NDArray[Any]:
    """Return V16[carts]: the requests that showed the notes which led to them; of those who came
    for the product a request of nobody's."""
    seen, led = log.seen, np.flatnonzero(carts.note >= 0)
    rows = np.flatnonzero(seen.deeds & state.CART)
    rows = rows[np.lexsort((seen.note[rows], seen.when[rows], seen.person[rows]))]
    led = led[np.lexsort((carts.note[led], carts.when[led], carts.person[led]))]
    nothing = np.zeros(len(carts.person), dtype=np.int64)
    found = request_ids(seed=log.seed, person=carts.person, day=nothing, request=nothing)
    found[led] = log.requests(rows)
    return found


@requires_transaction
def plant_carts(log: LogOf, basket: Basket) -> int:
    """Write into the log what was put in carts; return how many events that were."""
    carts, life = basket.carts, log.life
    is_led = carts.note >= 0
    prices = np.array([each.skus[0].price_minor for each in life.world.products], dtype=np.int64)
    sold = np.array(life.shops.product_ids)

    def columns(rows: Ints, name: int, days: Floats) -> dict[str, Any]:
        at = moments(life.run.since_at, days)
        return {
            "id": event_ids(seed=log.seed, name=name, at=at),
            "occurred_at": at,
            "received_at": at,
            "person_id": log.accounts[carts.person[rows]],
            "product_id": sold[carts.product[rows]],
            "population": Population.SIMULATED.value,
        }

    came = np.flatnonzero(~is_led)
    count = writing.import_columns(
        {
            **columns(came, _VIEWS, carts.when[came] - _LOOKS / state.DAY_SECONDS),
            "kind": EventKind.PRODUCT_VIEW.value,
            "source": Source.CLIENT.value,
            "surface": Surface.PRODUCT.value,
        }
    )
    for number, rows in enumerate((came, np.flatnonzero(is_led))):
        added = columns(rows, _ADDED + number, _days(carts, rows))
        if number:
            added["note_id"] = log.note_ids[carts.note[rows]]
            added["request_id"] = basket.requests[rows]
        count += writing.import_columns(
            {
                **added,
                "quantity": basket.quantity[rows].astype(np.int32),
                "amount_minor": basket.quantity[rows] * prices[carts.product[rows]],
                "currency": settings.PLATFORM_CURRENCY,
                "kind": EventKind.CART_ADD.value,
                "source": Source.SERVER.value,
            }
        )
    return count


def _days(carts: Carts, rows: Ints) -> Floats:
    """Return when each was put in the cart: a screen takes its time, and so does a product."""
    return carts.when[rows] + state.REQUEST_SECONDS / state.DAY_SECONDS


def plan_orders(log: LogOf, basket: Basket) -> None:
    """Plan every order of the world for the moment at which it was placed there, and what becomes
    of it; and some that nobody ever pays for."""
    carts, shops, taken = basket.carts, log.life.shops, set[tuple[int, datetime]]()
    for place in np.flatnonzero((basket.order >= 0) | basket.is_left_unpaid).tolist():
        order, person, note = (
            int(basket.order[place]),
            int(carts.person[place]),
            int(carts.note[place]),
        )
        carted, at = _moments(log, basket, place)
        while (person, at) in taken:  # nobody orders twice in the same moment
            at += timedelta(seconds=1)
        taken.add((person, at))
        log.life.agenda.plan(
            at,
            "buy",
            person=person,
            sku=shops.sku_ids[int(carts.product[place])][0],
            quantity=int(basket.quantity[place]),
            note=int(log.note_ids[note]) if note >= 0 else None,
            request=str(as_uuid(basket.requests[place])) if note >= 0 else None,
            carted=carted.isoformat(),
            number=order,
            **(_fate(log, basket, place) if order >= 0 else {"owed": []}),
        )


def _moments(log: LogOf, basket: Basket, place: int) -> tuple[datetime, datetime]:
    """Return when something was put in the cart, and when it is ordered."""
    order, wait = int(basket.order[place]), TO_PAY / state.DAY_SECONDS
    carted = float(_days(basket.carts, np.array([place]))[0])
    paid = float(log.lived.arm.sales.orders.paid[order]) if order >= 0 else 0.0
    since = log.life.run.since_at
    return moment(since, carted), moment(since, max(paid, carted + 2.0 * wait) - wait)


def _fate(log: LogOf, basket: Basket, place: int) -> dict[str, Any]:
    """Return what becomes of an order once it is placed, and what it is owed to."""
    order, truth, drawn = int(basket.order[place]), log.lived.truth, basket.draws
    rng = stream(seed=log.life.seed, purpose="planted order", person=order)
    is_declined, accepts = rng.random(2)
    stages = (Draw.CANCEL, Draw.SHIP, Draw.DELIVER)
    is_back = np.isfinite(log.lived.arm.sales.orders.refunded[order])
    chance, rows = float(truth.chance[order]), truth.shares.of(order)
    owed: list[list[Any]] = [[None, float(truth.baseline[order]) / chance]]
    notes, values = truth.shares.notes[rows], truth.shares.values[rows]
    owed += [
        [int(log.note_ids[note]), float(values[notes == note].sum()) / chance]
        for note in np.unique(notes).tolist()
    ]
    return {
        "draws": [*(float(drawn[name][place]) for name in stages), accepts,
                  float(drawn[Draw.BACK][place])],
        "returned": [int(basket.carts.product[place])] if is_back else [],
        "token": DECLINED if is_declined < purchase.CARD_DECLINED_FIRST else None,
        "owed": owed,
    }  # fmt: skip


@transaction.atomic(durable=True)
def restock(life: Life, *, until: datetime, at: datetime) -> int:
    """Have enough in stock for what will be ordered; return how many units came."""
    needed: Counter[int] = Counter()
    for deed in life.agenda.coming("buy", before=until):
        needed[deed.details["sku"]] += deed.details["quantity"]
    there = {sku.pk: sku.available for sku in Sku.objects.filter(pk__in=needed)}
    coming = {
        sku: count + LOW_STOCK - there[sku]
        for sku, count in needed.items()
        if count + LOW_STOCK > there[sku]
    }
    stock.receive(coming, at=at)
    return sum(coming.values())


@transaction.atomic(durable=True)
def leave_carts(log: LogOf, basket: Basket) -> int:
    """Leave in carts what nobody ordered since; return how many things those are."""
    items = list(_left(log, basket))
    cart.import_items(items)
    return len(items)


def _left(log: LogOf, basket: Basket) -> Iterator[CartItem]:
    carts, orders, life = basket.carts, log.lived.arm.sales.orders, log.life
    last = np.full(log.lived.arm.world.count, -np.inf)
    np.maximum.at(last, orders.person, orders.paid)
    stays = (basket.order < 0) & ~basket.is_left_unpaid & (carts.when > last[carts.person])
    for place in np.flatnonzero(stays).tolist():
        note = int(carts.note[place])
        yield CartItem(
            person_id=life.residents.person_ids[int(carts.person[place])],
            sku_id=life.shops.sku_ids[int(carts.product[place])][0],
            quantity=int(basket.quantity[place]),
            note_id=int(log.note_ids[note]) if note >= 0 else None,
            request_id=as_uuid(basket.requests[place]) if note >= 0 else None,
            added_at=moment(life.run.since_at, float(_days(carts, np.array([place]))[0])),
        )
