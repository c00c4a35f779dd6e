"""Whose behaviour a statistic is about, and what it may be called."""

from typing import Final

from orders.models import Order
from redshop.core.populations import Population
from redshop.events.models import Event

ALL: Final = "all"


def choose(asked: str | None) -> str:
    """Return the population to answer for: the one asked for, else real where there is any."""
    if asked:
        return asked
    is_there_any = (
        Order.objects.filter(population=Population.REAL, paid_at__isnull=False).exists()
        or Event.objects.filter(population=Population.REAL).exists()
    )
    return Population.REAL.value if is_there_any else Population.SIMULATED.value


def members(population: str) -> list[str]:
    """Return the populations whose rows count."""
    return list(Population.values) if population == ALL else [population]


def kind_of(population: str) -> str:
    """Return what figures of a population are: simulated as soon as simulated rows may count."""
    return "measured" if population == Population.REAL else "simulated"
