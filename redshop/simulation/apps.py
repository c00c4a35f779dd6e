from typing import Any

from django.apps import AppConfig
from django.apps import apps as everything
from django.db.models.signals import post_migrate
from django.utils import timezone


class SimulationConfig(AppConfig):
    name = "redshop.simulation"
    label = "simulation"
    verbose_name = "Simulation"

    def ready(self) -> None:
        post_migrate.connect(_bring_ready_scenarios, sender=self)


def _bring_ready_scenarios(*, apps: Any = everything, **_: Any) -> None:
    """Show the scenarios of the project's files in the admin, where their table is there."""
    from redshop.simulation.services import scenarios

    try:
        model = apps.get_model("simulation", "WrittenScenario")
    except LookupError:
        return
    scenarios.bring_ready(model, at=timezone.now())
