"""What people do through the services of the house, one module a floor.

A refusal (sold out, already cancelled, …) is an outcome like any other: it is counted, and life
goes on.
"""

from collections.abc import Callable, Mapping
from typing import Final

from redshop.core.errors import DomainError
from redshop.simulation.agenda import Deed
from redshop.simulation.deeds import orders, reactions, writing
from redshop.simulation.life import Life

DO: Final[Mapping[str, Callable[[Life, Deed], None]]] = {
    "like": reactions.like,
    "save": reactions.save,
    "share": reactions.share,
    "hide": reactions.hide,
    "comment": reactions.comment,
    "follow": reactions.follow,
    "cart": orders.put_in_cart,
    "checkout": orders.check_out,
    "pay": orders.pay,
    "cancel": orders.cancel,
    "ship": orders.ship,
    "deliver": orders.deliver,
    "complete": orders.complete,
    "return": orders.send_back,
    "write": writing.write,
    "write_for_brand": writing.write_for_brand,
    "write_about_purchase": writing.write_about_purchase,
}


def do(life: Life, deed: Deed) -> None:
    """Carry out one deed and count it, or count why it was refused."""
    try:
        DO[deed.kind](life, deed)
    except DomainError as refusal:
        life.tally[f"{deed.kind} refused: {refusal.code}"] += 1
    else:
        life.tally[deed.kind] += 1
