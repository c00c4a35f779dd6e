"""Records of simulated populations, for tests and for developers."""

import json
from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from orders import factories as orders
from redshop.accounts.factories import UserFactory
from redshop.simulation.models import (
    Cause,
    Comparison,
    ComparisonState,
    Replicate,
    SimulationRun,
    WrittenScenario,
)
from redshop.simulation.results.page import in_words
from redshop.simulation.scenario import Scenario


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


class CauseFactory(DjangoModelFactory[Cause]):
    """What an order would have been placed for anyway: all of it."""

    class Meta:
        model = Cause

    run = factory.SubFactory(SimulationRunFactory, arm="default", thinned=1)
    order = factory.LazyFunction(lambda: orders.paid(UserFactory.create()))
    share = 1.0


def _of_two(difference: float) -> dict[str, object]:
    """Return the document of a comparison of two arms that differ by so much of what decides."""
    mean = {"mean": 100.0, "low": 95.0, "high": 105.0}
    return {
        "scenario": "example",
        "question": "What if?",
        "version": 1,
        "seed": 7,
        "digest": "0" * 16,
        "replications": 3,
        "people": 20,
        "days": 3,
        "against": "as_is",
        "metric": "orders",
        "metrics": {"orders": "orders paid, of a thousand people"},
        "arms": {"as_is": {"orders": mean}, "other": {"orders": mean}},
        "paired": [
            {
                "arm": "other",
                "against": "as_is",
                "metric": "orders",
                "difference": difference,
                "low": difference - 1.0,
                "high": difference + 1.0,
                "variance_ratio": 12.0,
                "p": 0.01,
                "p_holm": 0.01,
            }
        ],
        "calibration": [],
        "truth": {},
        "attribution": [],
        "assumptions": [],
    }


class ComparisonFactory(DjangoModelFactory[Comparison]):
    """What a scenario of two arms came to."""

    class Meta:
        model = Comparison

    scenario = "example"
    version = 1
    digest = "0" * 16
    seed = 7
    people = 20
    days = 3
    replications = planned = 3
    code = "0" * 16
    said = factory.LazyAttribute(
        lambda made: Scenario(
            name=made.scenario,
            question="What if?",
            arms={"as_is": {}, "other": {}},
            against="as_is",
        ).as_text()
    )
    state = ComparisonState.COMPLETE
    metric = "orders"
    text = factory.LazyFunction(lambda: json.dumps(_of_two(4.0)))
    found = factory.LazyAttribute(lambda made: in_words(json.loads(made.text)))
    begun_at = compared_at = factory.LazyFunction(timezone.now)


class ReplicateFactory(DjangoModelFactory[Replicate]):
    """A world that is still to be lived."""

    class Meta:
        model = Replicate

    comparison = factory.SubFactory(
        ComparisonFactory, state=ComparisonState.RUNNING, compared_at=None, text="", found=""
    )
    number = factory.Sequence(int)


class WrittenScenarioFactory(DjangoModelFactory[WrittenScenario]):
    """A scenario that somebody wrote in the admin."""

    class Meta:
        model = WrittenScenario

    name = factory.Sequence(lambda n: f"scenario_{n}")
    text = factory.LazyAttribute(lambda made: f'name = "{made.name}"\n')
    changed_at = factory.LazyFunction(timezone.now)
