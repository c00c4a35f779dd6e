"""What an experiment found: its arms, whether they are what was promised, and effects."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from redshop.conversion.experiments import statistics
from redshop.conversion.experiments.measures import BEFORE, Measured, measure
from redshop.conversion.experiments.statistics import Effect, Estimate, SampleRatio, Values
from redshop.conversion.selectors import populations
from redshop.conversion.selectors.asking import meta_of
from redshop.conversion.types import Meta, Period
from redshop.experiments.models import Arm, Experiment, Metric

VERSION: Final = 1
#: Each metric as what is above and, of a ratio of sums, what is below.
_MADE_OF: Final = {
    Metric.CONVERSION: ("orders", None),
    Metric.ORDERS: ("orders", None),
    Metric.NET_REVENUE: ("net", None),
    Metric.OPEN_RATE: ("opens", "impressions"),
    Metric.NET_PER_ORDER: ("net", "orders"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """Which experiment, of which people, in which currency, up to when."""

    experiment: Experiment
    population: str
    currency: str
    until: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class ArmShown:
    """An arm and how many people were shown it."""

    arm: str
    is_control: bool
    weight: int
    people: int


@dataclass(frozen=True, slots=True)
class ArmValue:
    """A metric in one arm, with its 95 % interval."""

    arm: str
    people: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The effect after CUPED, and the share of variance that went with what people did before."""

    effect: Effect
    variance_reduction: float


@dataclass(frozen=True, slots=True)
class ArmEffect:
    """An arm beside the control. ``p_adjusted`` is corrected for all metrics but the primary one
    and all arms (Holm); ``always_valid`` holds whenever one looks."""

    arm: str
    absolute: Effect
    relative: Effect
    p_adjusted: float
    cuped: Adjusted | None
    always_valid: Effect


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric: its value in every arm, and what the arms change."""

    key: str
    label: str
    is_primary: bool
    arms: tuple[ArmValue, ...]
    effects: tuple[ArmEffect, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An experiment's arms, its sample-ratio check, and every metric, the primary one first."""

    key: str
    name: str
    state: str
    arms: tuple[ArmShown, ...]
    sample_ratio: SampleRatio
    crossovers: int
    results: tuple[MetricResult, ...]
    meta: Meta


def experiment(question: Question, *, at: datetime) -> Answer:
    """Answer what the arms of an experiment did, up to its end or ``until``."""
    asked = question.experiment
    until = min(moment for moment in (question.until, asked.stopped_at, at) if moment is not None)
    measured = measure(
        experiment_id=asked.pk,
        until=until,
        populations=populations.members(question.population),
        currency=question.currency,
    )
    arms = list(asked.arms.all())
    people = [int((measured.arms == arm.pk).sum()) for arm in arms]
    return Answer(
        key=asked.key,
        name=asked.name,
        state=asked.state,
        arms=tuple(
            ArmShown(arm.key, arm.is_control, arm.weight, many)
            for arm, many in zip(arms, people, strict=True)
        ),
        sample_ratio=statistics.sample_ratio(people, [arm.weight for arm in arms]),
        crossovers=measured.crossovers,
        results=_results(asked, arms, measured),
        meta=_meta(question, until=until, n=sum(people), at=at),
    )


def _results(asked: Experiment, arms: list[Arm], measured: Measured) -> tuple[MetricResult, ...]:
    primary = Metric(asked.primary_metric)
    metrics = [primary, *(metric for metric in Metric if metric != primary)]
    found = [_result(metric, arms, measured, is_primary=metric == primary) for metric in metrics]
    others = [effect.absolute.p for result in found[1:] for effect in result.effects]
    corrected = iter(
        [
            *statistics.holm([effect.absolute.p for effect in found[0].effects]),
            *statistics.holm(others),
        ]
    )
    return tuple(
        MetricResult(
            result.key,
            result.label,
            result.is_primary,
            result.arms,
            tuple(_corrected(effect, next(corrected)) for effect in result.effects),
        )
        for result in found
    )


def _corrected(effect: ArmEffect, p_adjusted: float) -> ArmEffect:
    return ArmEffect(
        effect.arm,
        effect.absolute,
        effect.relative,
        p_adjusted,
        effect.cuped,
        effect.always_valid,
    )


def _result(
    metric: Metric, arms: list[Arm], measured: Measured, *, is_primary: bool
) -> MetricResult:
    estimates = {arm.pk: _estimate(metric, arm, measured) for arm in arms}
    controls = [arm for arm in arms if arm.is_control]
    effects = [
        _effect(metric, arm, control, measured, estimates)
        for control in controls
        for arm in arms
        if arm is not control
    ]
    return MetricResult(
        key=metric.value,
        label=str(metric.label),
        is_primary=is_primary,
        arms=tuple(
            ArmValue(arm.key, of.n, of.value, *of.interval)
            for arm in arms
            for of in [estimates[arm.pk]]
        ),
        effects=tuple(effects),
    )


def _effect(
    metric: Metric, arm: Arm, control: Arm, measured: Measured, estimates: dict[int, Estimate]
) -> ArmEffect:
    treated, usual = estimates[arm.pk], estimates[control.pk]
    return ArmEffect(
        arm=arm.key,
        absolute=statistics.difference(treated, usual),
        relative=statistics.relative(treated, usual),
        p_adjusted=1.0,
        cuped=None if _MADE_OF[metric][1] else _adjusted(metric, arm, control, measured),
        always_valid=statistics.always_valid(treated, usual),
    )


def _adjusted(metric: Metric, arm: Arm, control: Arm, measured: Measured) -> Adjusted:
    mine, theirs = measured.arms == arm.pk, measured.arms == control.pk
    after, before = (_values(metric, of) for of in (measured.after, measured.before))
    found = statistics.cuped(
        after[mine],
        after[theirs],
        treated_before=before[mine],
        control_before=before[theirs],
    )
    effect = statistics.difference(found.treated, found.control)
    return Adjusted(effect, found.variance_reduction)


def _estimate(metric: Metric, arm: Arm, measured: Measured) -> Estimate:
    mine, (_, below) = measured.arms == arm.pk, _MADE_OF[metric]
    values = _values(metric, measured.after)[mine]
    return (
        statistics.ratio(values, measured.after[below][mine]) if below else statistics.mean(values)
    )


def _values(metric: Metric, of: dict[str, Values]) -> Values:
    above = of[_MADE_OF[metric][0]]
    return np.minimum(above, 1.0) if metric == Metric.CONVERSION else above


@dataclass(frozen=True, slots=True)
class _Days:
    """The days of an experiment, as ``meta`` tells them."""

    period: Period
    population: str


def _meta(question: Question, *, until: datetime, n: int, at: datetime) -> Meta:
    began = question.experiment.started_at or until
    first, last = (moment.astimezone(question.zone).date() for moment in (began, until))
    notes = [
        f"Money is in minor units of {question.currency}, net of what was given back since.",
        f"From each person's first exposure until {until.isoformat(timespec='seconds')}.",
        f"CUPED by the {BEFORE.days} days before the exposure.",
    ]
    asked = _Days(Period(first, last + timedelta(days=1), question.zone), question.population)
    return meta_of(asked, definition="experiment", version=VERSION, n=n, fresh_at=at, notes=notes)
