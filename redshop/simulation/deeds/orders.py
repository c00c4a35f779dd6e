"""From the cart to the parcel, and back."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from orders.models import OrderLine, ReturnLine
from orders.services import cancellation, cart, checkout, fulfilment, payment, returns
from orders.states import PaymentAttempt
from orders.types import Address
from redshop.simulation.agenda import Deed
from redshop.simulation.behaviour import publishing, purchase
from redshop.simulation.content import city_name
from redshop.simulation.life import Life
from redshop.simulation.population import language_of

#: Seconds from the checkout to the payment, and to the second try after a declined card.
TO_PAY: Final = 40
SECOND_TRY: Final = 150
#: Days in which a paid order is cancelled, and from arrival to a note about it, mean (assumed).
CANCEL_DAYS: Final = 0.05
WRITING_DAYS: Final = 1.5
#: Share of the days from arrival to the refund of a return after which it is asked for (assumed).
ASKS_AFTER: Final = 0.3
COUNTRIES: Final = {"zh": "CN", "en": "GB", "it": "IT"}
DECLINED: Final = "tok_declined"
#: What deeds about an order tell the next one; of an order that was planted, what comes back.
_KEPT: Final = ("person", "order", "nth", "draws", "returned")


def put_in_cart(life: Life, deed: Deed) -> None:
    """Put a product in the cart, from the note that showed it, and plan when to decide."""
    details = deed.details
    person, product = details["person"], details["product"]
    skus = life.shops.sku_ids[product]
    sku_id = skus[int(details["sku"] * len(skus))]
    note, request = details.get("note"), details.get("request")
    cart.put_item(
        person_id=life.residents.person_ids[person],
        sku_id=sku_id,
        quantity=int(purchase.quantities(np.array([details["quantity"]]))[0]),
        note_id=None if note is None else life.library.cards[note].id,
        request_id=None if request is None else UUID(request),
        at=deed.at,
    )
    life.mind.wants[person, product] = True
    life.carts.setdefault(person, {})[sku_id] = details["pays"]
    if details["pays"]:
        days = purchase.decision_days(life.top_of(product), details["delay"])
        life.agenda.plan(deed.at + timedelta(days=days, seconds=20), "checkout", person=person)


def check_out(life: Life, deed: Deed) -> None:
    """Drop what is no longer wanted and order the rest; some then never pay."""
    person = deed.details["person"]
    held = life.carts.get(person, {})
    if not any(held.values()):
        return
    account = life.residents.person_ids[person]
    for sku_id in sorted(sku for sku, pays in held.items() if not pays):
        cart.remove_item(person_id=account, sku_id=sku_id)
        held.pop(sku_id)
    order = checkout.place_order(buyer_id=account, address=address_of(life, person), at=deed.at)
    life.tally["orders placed"] += 1
    del life.carts[person]
    life.mind.wants[person] = False
    nth = life.orders[person]
    life.orders[person] += 1
    rng = life.draws(f"order:{nth}", at=deed.at, person=person)
    draw = rng.random()
    if draw < purchase.PAYS_LATER_NEVER:
        return
    token = DECLINED if draw < purchase.PAYS_LATER_NEVER + purchase.CARD_DECLINED_FIRST else None
    life.agenda.plan(
        deed.at + timedelta(seconds=TO_PAY),
        "pay",
        person=person,
        order=str(order.pk),
        nth=nth,
        token=token,
        draws=rng.random(6).tolist(),
    )


def pay(life: Life, deed: Deed) -> None:
    """Pay an order; a declined card is followed by another."""
    order_id, person = UUID(deed.details["order"]), deed.details["person"]
    attempt = payment.pay_order(
        order_id=order_id,
        buyer_id=life.residents.person_ids[person],
        token=deed.details["token"],
        at=deed.at,
    )
    if attempt.state != PaymentAttempt.SUCCEEDED:
        again = {**deed.details, "token": None}
        life.agenda.plan(deed.at + timedelta(seconds=SECOND_TRY), "pay", **again)
        return
    life.tally["orders paid"] += 1
    if not _is_planted(deed):
        _own(life, person, order_id)
    draws = deed.details["draws"]
    if draws[0] < purchase.CANCELS_BEFORE_SHIPPING:
        _plan(life, deed, "cancel", days=CANCEL_DAYS)
    else:
        _plan(life, deed, "ship", days=purchase.stage_days("ship", draws[1]))


def cancel(life: Life, deed: Deed) -> None:
    """Change one's mind before the parcel leaves; what was paid comes back."""
    cancellation.cancel_order(
        order_id=UUID(deed.details["order"]), reason="changed my mind", at=deed.at
    )


def ship(life: Life, deed: Deed) -> None:
    """The merchants send their parcels."""
    order_id = UUID(deed.details["order"])
    fulfilment.ship_order(
        order_id=order_id, tracking=f"SIM{order_id.hex[-10:].upper()}", at=deed.at
    )
    days = purchase.stage_days("deliver", deed.details["draws"][2])
    _plan(life, deed, "deliver", days=days)


def deliver(life: Life, deed: Deed) -> None:
    """The parcels arrive; some lines will go back, and some will be written about."""
    fulfilment.deliver_order(order_id=UUID(deed.details["order"]), at=deed.at)
    draws = deed.details["draws"]
    _plan(life, deed, "complete", days=purchase.stage_days("complete", draws[3]))
    lines = _lines(deed)
    returned = _returned(life, deed, lines)
    if returned:
        days = purchase.stage_days("return", draws[4])
        there, back = ASKS_AFTER * days, (1 - ASKS_AFTER) * days
        _plan(life, deed, "ask_back", days=there, products=returned, days_back=back)
    _plan_writing(life, deed, lines, returned)


def complete(life: Life, deed: Deed) -> None:
    """The buyer says that all is well; without that, or after a return, time closes the order."""
    fulfilment.complete_order(order_id=UUID(deed.details["order"]), at=deed.at)


def ask_back(life: Life, deed: Deed) -> None:
    """Ask to return some products, which the shop allows, and send them."""
    products = set(deed.details["products"])
    place = life.shops.place_of_product()
    quantities = {
        line.pk: line.quantity for line in _lines(deed) if place[line.product_id] in products
    }
    asked = returns.request_return(
        order_id=UUID(deed.details["order"]),
        buyer_id=life.residents.person_ids[deed.details["person"]],
        quantities=quantities,
        reason="did not suit",
        at=deed.at,
    )
    returns.approve_return(return_id=asked.pk, actor_id=None, at=deed.at)
    _plan(life, deed, "return", days=deed.details["days_back"], asked=str(asked.pk))


def send_back(life: Life, deed: Deed) -> None:
    """The products arrive at the merchant: they go back on sale, and the money comes back."""
    return_id = UUID(deed.details["asked"])
    sent = ReturnLine.objects.filter(of_return=return_id).values_list("line_id", "quantity")
    returns.receive_return(
        return_id=return_id, restocked=dict(sent), written_off={}, actor_id=None, at=deed.at
    )
    life.tally["lines returned"] += len(sent)


def address_of(life: Life, person: int) -> Address:
    """Return an address that nobody lives at."""
    language = language_of(life.people, person)
    city = city_name(language=language, place=int(life.people.city[person]))
    return {
        "name": f"Simulated person {person}",
        "phone": f"+00 000 {person:07d}",
        "line1": f"{person + 1} Nowhere Lane",
        "city": city,
        "region": city,
        "postcode": f"{person % 1_000_000:06d}",
        "country": COUNTRIES[language],
    }


def _plan(life: Life, deed: Deed, kind: str, *, days: float, **more: Any) -> None:
    kept = {name: deed.details[name] for name in _KEPT if name in deed.details}
    at = deed.at + timedelta(seconds=round(days * 86_400))
    life.agenda.plan(at, kind, **{**kept, **more})


def _is_planted(deed: Deed) -> bool:
    """Tell whether it is known from memory what becomes of the order, and who writes about it."""
    return "returned" in deed.details


def _lines(deed: Deed) -> list[OrderLine]:
    order_id = UUID(deed.details["order"])
    return list(OrderLine.objects.filter(order=order_id).order_by("sku_id"))


def _own(life: Life, person: int, order_id: UUID) -> None:
    place = life.shops.place_of_product()
    for product_id in OrderLine.objects.filter(order=order_id).values_list("product", flat=True):
        life.mind.owns[person, place[product_id]] = True


def _returned(life: Life, deed: Deed, lines: list[OrderLine]) -> list[int]:
    """Return the places of the products that will go back."""
    if _is_planted(deed):
        return list(deed.details["returned"])
    place = life.shops.place_of_product()
    products = [place[line.product_id] for line in lines]
    rng = life.draws(f"returns:{deed.details['nth']}", at=deed.at, person=deed.details["person"])
    goes = purchase.are_returned(
        [life.top_of(product) for product in products], rng.random(len(products))
    )
    return [product for product, back in zip(products, goes, strict=True) if back]


def _plan_writing(life: Life, deed: Deed, lines: list[OrderLine], returned: list[int]) -> None:
    if _is_planted(deed):
        return
    person = deed.details["person"]
    place = life.shops.place_of_product()
    kept = [place[line.product_id] for line in lines if place[line.product_id] not in returned]
    rng = life.draws(f"writes:{deed.details['nth']}", at=deed.at, person=person)
    draws = rng.random((len(kept), 2))
    for product, (decides, waits) in zip(kept, draws, strict=True):
        if publishing.writes_about_purchase(
            is_sharer=bool(life.people.is_sharer[person]), draw=decides
        ):
            at = deed.at + timedelta(seconds=round(-WRITING_DAYS * 86_400 * np.log1p(-waits)))
            life.agenda.plan(at, "write_about_purchase", person=person, product=product)
