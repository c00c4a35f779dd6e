"""Orders whose why is known: placed as they were in memory, with the truth beside."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from orders.models import CartItem, Order
from orders.services import cart, checkout
from redshop.simulation.agenda import Deed
from redshop.simulation.deeds.orders import TO_PAY, address_of
from redshop.simulation.life import Life
from redshop.simulation.models import Cause


def buy(life: Life, deed: Deed) -> None:
    """Order one thing that has lain in the cart for a while, and plan to pay for it.

    Done again after an interruption, it finds the order that it placed.
    """
    placed = Order.objects.filter(
        buyer=life.residents.person_ids[deed.details["person"]], placed_at=deed.at
    )
    order_id = placed.values_list("pk", flat=True).first() or _place(life, deed)
    life.tally["orders placed"] += 1
    if not deed.details["owed"]:
        return
    kept = {name: deed.details[name] for name in ("person", "draws", "returned", "token")}
    life.agenda.plan(
        deed.at + timedelta(seconds=TO_PAY),
        "pay",
        order=str(order_id),
        nth=deed.details["number"],
        **kept,
    )


@transaction.atomic(durable=True)
def _place(life: Life, deed: Deed) -> UUID:
    """Place the order, and write what it is owed to."""
    details, buyer_id = deed.details, life.residents.person_ids[deed.details["person"]]
    item = CartItem(
        person_id=buyer_id,
        sku_id=details["sku"],
        quantity=details["quantity"],
        note_id=details["note"],
        request_id=details["request"] and UUID(details["request"]),
        added_at=datetime.fromisoformat(details["carted"]),
    )
    cart.import_items([item])
    order = checkout.place(
        buyer_id=buyer_id, address=address_of(life, details["person"]), at=deed.at
    )
    Cause.objects.bulk_create(
        Cause(run=life.run, order=order, note_id=note, share=share)
        for note, share in details["owed"]
    )
    return order.pk
