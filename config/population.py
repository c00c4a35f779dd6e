"""The population that a newcomer finds: 500 people who lived here for 14 days."""

from typing import Final

from django.core.management import call_command

from notes.models import Note
from redshop.simulation.models import RunState, SimulationRun

PEOPLE: Final = 500
DAYS: Final = 14
SEED: Final = 7


def ensure_population() -> bool:
    """Let a population live in a database without notes; tell whether that was needed.

    One whose days were interrupted lives the rest of them.
    """
    began = SimulationRun.objects.filter(seed=SEED, state=RunState.RUNNING)
    if Note.objects.exists() and not began.exists():
        return False
    call_command("simulate", people=PEOPLE, days=DAYS, seed=SEED)
    return True
