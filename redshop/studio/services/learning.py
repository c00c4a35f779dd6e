"""What insight and trials taught, for the next brief."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from redshop.conversion.services import snapshots
from redshop.studio import attributes, thompson
from redshop.studio.insight import answering, lessons
from redshop.studio.insight.rows import Scope
from redshop.studio.models import Allocation, Draft, InsightReport, Trial
from redshop.studio.selectors import trials
from redshop.studio.types import Lesson

#: So many lessons are handed on, the most certain first.
MOST_LESSONS: Final = 8


def compute_insight(scope: Scope, *, at: datetime) -> InsightReport:
    """Compute what moved what, of notes whose snapshots are due by now, and keep it.

    Takes snapshots in transactions of their own: never inside one.
    """
    snapshots.take(at=at)
    answer = answering.answer(scope, at=at)
    return InsightReport.objects.create(
        population=scope.population,
        since=scope.since,
        until=scope.until,
        version=answering.VERSION,
        notes=answer.notes,
        document=answer.as_json(),
        computed_at=at,
    )


def lessons_for(*, brand_id: int, population: str, at: datetime) -> list[Lesson]:
    """Return what a writer for a brand is told: its own trials first, then insight.

    Of what a writer can choose, and of which it was found that it is an effect.
    """
    learned = [*_of_trials(brand_id), *_of_insight(population, at=at)]
    told: dict[tuple[str, str, str], Lesson] = {}
    for lesson in learned:
        told.setdefault((lesson["attribute"], lesson["level"], lesson["outcome"]), lesson)
    return list(told.values())[:MOST_LESSONS]


def _of_insight(population: str, *, at: datetime) -> Iterable[Lesson]:
    latest = (
        InsightReport.objects.filter(
            population=population, version=answering.VERSION, computed_at__lte=at
        )
        .order_by("-computed_at")
        .first()
    )
    if latest is None:
        return
    yield from lessons.told_by(latest.document["findings"], population=population)


def _of_trials(brand_id: int) -> Iterable[Lesson]:
    """Yield how the variants of the brand's trials compare, where they differ in one attribute."""
    for trial in Trial.objects.filter(brief__brand=brand_id).order_by("-pk")[:20]:
        tried = {
            draft.pk: draft
            for draft in Draft.objects.filter(
                pk__in=Allocation.objects.filter(trial=trial).values("draft")
            )
        }
        estimates = trials.estimates(trial)
        for one in estimates:
            for other in estimates:
                lesson = _between(trial, tried[one.draft_id], tried[other.draft_id], one, other)
                if lesson is not None:
                    yield lesson


def _between(
    trial: Trial, one: Draft, other: Draft, mine: trials.Estimate, theirs: trials.Estimate
) -> Lesson | None:
    differing = [
        name
        for name in attributes.WRITTEN
        if one.attributes.get(name) != other.attributes.get(name)
    ]
    if len(differing) != 1 or mine.value <= theirs.value:
        return None
    ratio = thompson.ratio(mine, theirs)
    if ratio is None or ratio.low <= 1.0:
        return None
    return Lesson(
        attribute=differing[0],
        level=one.attributes[differing[0]],
        against=other.attributes[differing[0]],
        outcome=trial.reward,
        ratio=ratio.value,
        low=ratio.low,
        high=ratio.high,
        source=f"trial {trial.pk}",
        population=one.note.population if one.note else "",
    )
