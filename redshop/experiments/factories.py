"""Experiments, for tests and for developers."""

from uuid import uuid4

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from redshop.core.populations import Population
from redshop.experiments.models import Arm, Experiment, Exposure


class ExperimentFactory(DjangoModelFactory[Experiment]):
    """A draft, without arms."""

    class Meta:
        model = Experiment

    key = factory.Sequence(lambda n: f"experiment-{n}")
    name = factory.Sequence(lambda n: f"Experiment {n}")


class ArmFactory(DjangoModelFactory[Arm]):
    """An arm that is no control."""

    class Meta:
        model = Arm

    experiment = factory.SubFactory(ExperimentFactory)
    key = factory.Sequence(lambda n: f"arm-{n}")


class ExposureFactory(DjangoModelFactory[Exposure]):
    """A visitor who was shown an arm."""

    class Meta:
        model = Exposure

    arm = factory.SubFactory(ArmFactory)
    experiment = factory.SelfAttribute("arm.experiment")
    visitor_id = factory.LazyFunction(uuid4)
    population = Population.REAL
    exposed_at = factory.LazyFunction(timezone.now)
