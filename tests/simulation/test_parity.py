"""One scenario in both worlds: the real services, and memory. Their funnels agree."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from django.core.management import call_command
from django.db import transaction
from pytest_django.fixtures import Settings
from scipy.stats import ttest_ind

from redshop.simulation.arrays.replication import replicate
from redshop.simulation.life import Life
from redshop.simulation.management.commands import simulate
from redshop.simulation.measured import Check
from redshop.simulation.report import check_calibration
from redshop.simulation.results.statistics import holm
from redshop.simulation.scenario import DEMO
from redshop.simulation.services import comparisons

pytestmark = [pytest.mark.django_db, pytest.mark.soak]

PEOPLE, DAYS, WORLDS = 300, 8, 5
FUNNEL: Final = (
    "population.daily_active_share",
    "population.exposures_per_active_day",
    "search.request_share",
    "funnel.open_given_impression",
    "funnel.like_given_open.search",
    "funnel.like_given_open.feed",
    "funnel.save_given_open.search",
    "funnel.save_given_open.feed",
    "funnel.comment_given_open.feed",
    "funnel.engagement_given_impression",
    "funnel.product_view_given_open",
    "funnel.cart_given_product_view",
    "funnel.paid_given_cart",
)
Figures = dict[str, float]


def in_the_database(seed: int, monkeypatch: pytest.MonkeyPatch) -> Figures:
    """Let people live in this database; return the funnel, and leave nothing behind."""
    found: list[Check] = []

    def keep(life: Life) -> list[Check]:
        found.extend(check_calibration(life))
        return found

    point = transaction.savepoint()
    with monkeypatch.context() as patched:
        patched.setattr(f"{simulate.__name__}.check_calibration", keep)
        call_command(
            "simulate", "demo", people=PEOPLE, days=DAYS, seed=seed, funnel=False,
            until=datetime(2026, 3, 20, tzinfo=UTC), stdout=StringIO(),
        )  # fmt: skip
    transaction.savepoint_rollback(point)
    return {each.name: each.simulated for each in found if each.simulated is not None}


def in_memory(seed: int) -> Figures:
    scenario = DEMO.with_told({"population.people": PEOPLE, "population.days": DAYS})
    lived = replicate(scenario, comparisons.policies_of(scenario), seed=seed, number=0)
    named = ((f"{each.key}.{each.part}".rstrip("."), each.value) for each in lived.calibration)
    return {name: value for name, value in named if value is not None}


def test_funnels_of_both_worlds_agree(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_ROOT = tmp_path
    here = [in_the_database(seed, monkeypatch) for seed in range(WORLDS)]
    there = [in_memory(seed) for seed in range(WORLDS)]

    told = {}
    for name in FUNNEL:
        one, two = (np.array([each[name] for each in worlds]) for worlds in (here, there))
        told[name] = (one.mean(), two.mean(), float(ttest_ind(one, two, equal_var=False).pvalue))
    adjusted = holm([p for _, _, p in told.values()])
    for (name, (one, two, p)), p_holm in zip(told.items(), adjusted, strict=True):
        print(f"{name:40}{one:10.4g}{two:10.4g}{two / one - 1:+9.1%}  p {p:.3f}, Holm {p_holm:.3f}")
    assert min(adjusted) > 0.05
    assert max(abs(two / one - 1) for one, two, _ in told.values()) < 0.25
