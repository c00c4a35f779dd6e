"""What people do through the services of the house, one module a floor.

A refusal (sold out, already cancelled, …) is an outcome like any other: it is counted, and life
goes on.
"""

from collections.abc import Callable, Mapping
from typing import Final

from redshop.core.errors import DomainError
from redshop.simulation.agenda import Deed
from redshop.simulation.deeds import orders, planted, reactions, writing
from redshop.simulation.life import Life

Doing = Callable[[Life, Deed], None]

#: How each kind of deed is done, and what it is counted as.
DO: Final[Mapping[str, tuple[Doing, str]]] = {
    "like": (reactions.like, "likes"),
    "save": (reactions.save, "saves"),
    "share": (reactions.share, "shares"),
    "hide": (reactions.hide, "hides"),
    "comment": (reactions.comment, "comments"),
    "follow": (reactions.follow, "follows"),
    "cart": (orders.put_in_cart, "products put in carts"),
    "buy": (planted.buy, "planted orders placed"),
    "checkout": (orders.check_out, "decisions to buy"),
    "pay": (orders.pay, "payments tried"),
    "cancel": (orders.cancel, "orders cancelled"),
    "ship": (orders.ship, "orders shipped"),
    "deliver": (orders.deliver, "orders delivered"),
    "complete": (orders.complete, "orders completed"),
    "ask_back": (orders.ask_back, "returns asked for"),
    "return": (orders.send_back, "orders returned, in part or whole"),
    "write": (writing.write, "notes by creators"),
    "write_for_brand": (writing.write_for_brand, "notes by brands"),
    "write_about_purchase": (writing.write_about_purchase, "notes about purchases"),
}


def do(life: Life, deed: Deed) -> None:
    """Carry out one deed and count it, or count why it was refused."""
    doing, label = DO[deed.kind]
    try:
        doing(life, deed)
    except DomainError as refusal:
        life.tally[f"refused {label}: {refusal.code}"] += 1
    else:
        life.tally[label] += 1
