"""Records of simulated populations, for tests and for developers."""

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from redshop.simulation.models import SimulationRun


class SimulationRunFactory(DjangoModelFactory[SimulationRun]):
    """A population whose days are still being lived; it has no people."""

    class Meta:
        model = SimulationRun

    seed = factory.Sequence(lambda n: 1_000 + n)
    people = 10
    days = 3
    scenario = "example"
    declaration = "declared: nothing"
    until_at = factory.LazyFunction(timezone.now)
    since_at = factory.LazyAttribute(lambda run: run.until_at - timedelta(days=run.days))
    started_at = factory.LazyFunction(timezone.now)
