"""The population that a newcomer finds: 500 people who lived here for 14 days."""

from typing import Final

from django.core.management import call_command
from django.utils import timezone

from notes.models import Note
from redshop.simulation import cultivating
from redshop.simulation.models import RunState, SimulationRun

PEOPLE: Final = 500
DAYS: Final = 14
SEED: Final = 7


def ensure_population() -> bool:
    """Let a population live in a database without notes; tell whether that was needed.

    One whose days were interrupted lives the rest of them.
    """
    began = SimulationRun.objects.filter(seed=SEED, state=RunState.RUNNING).first()
    if began is not None:
        people, days = began.people, began.days
    elif Note.objects.exists():
        return False
    else:
        people, days = PEOPLE, DAYS
    call_command("simulate", people=people, days=days, seed=SEED, funnel=False)
    cultivating.open_first_brief(at=timezone.now())
    return True
