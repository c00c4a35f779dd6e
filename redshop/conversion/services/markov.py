"""Markov reports: computed in a batch, kept until what they rest on may have changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from notes.models import Note
from redshop.conversion.errors import MarkovByNote
from redshop.conversion.markov import counts
from redshop.conversion.markov.chain import removal_effects
from redshop.conversion.models import MarkovReport
from redshop.conversion.rules import WHOLE
from redshop.conversion.selectors import labels, populations
from redshop.conversion.selectors.attribution import Answer, Question, attribution
from redshop.conversion.types import AttributionModel, CreditGroup, Meta, Period, Slice, Standing
from redshop.core.money import Money, split_minor, total

#: Raised whenever what is counted, or what is made of it, changes.
VERSION: Final = 1
#: A report that is younger is answered as it is; it says how old it is.
FRESH_FOR: Final = timedelta(hours=1)
#: The days that an answer is about where none are named.
USUAL_DAYS: Final = 28
#: Effects are divided by as whole numbers.
_PRECISION: Final = 10**12


def attribution_by_removal(question: Question, *, at: datetime) -> Answer:
    """Answer what each group would have been missed for, as ``attribution`` answers its models.

    What touches led to is divided in proportion to the removal effects, to the last billionth of a
    sale and the last minor unit; what none led to stays unattributed. An author sees their notes
    of it: the chain is everybody's.

    Raises:
        MarkovByNote: an author asks for other groups than notes.
    """
    author_id, page = question.scope.author_id, question.page
    if author_id is not None and question.group_by != CreditGroup.NOTE:
        raise MarkovByNote
    question = replace(question, scope=replace(question.scope, author_id=None))
    linear = replace(question, model=AttributionModel.LINEAR, page=Slice(limit=1))
    found, stands = report(question, at=at), attribution(linear, at=at)
    parts = _divided(found, stands)
    if author_id is not None:
        parts, stands = _of_author(author_id, parts, stands)
    shown = parts[page.offset : page.offset + page.limit]
    keys = [str(part.key) if part.key else None for part in shown]
    named = labels.of_credits(question.group_by, keys=keys)
    return replace(
        stands,
        results=tuple(_named(part, named) for part in shown),
        has_more=len(parts) > page.offset + page.limit,
        meta=_meta(found, stands.meta),
    )


def _of_author(
    author_id: int, parts: list[Standing], stands: Answer
) -> tuple[list[Standing], Answer]:
    """Keep the notes of an author, which are all that adds up to their total."""
    own = set(Note.objects.filter(author_id=author_id).values_list("pk", flat=True))
    kept = [part for part in parts if part.key and int(part.key) in own]
    currency = stands.total.gross.currency
    none = replace(
        stands.unattributed, conversions=0.0, gross=Money(0, currency), refunded=Money(0, currency)
    )
    all_of = replace(
        stands.total,
        conversions=sum(round(part.conversions * WHOLE) for part in kept) / WHOLE,
        gross=total((part.gross for part in kept), currency=currency),
        refunded=total((part.refunded for part in kept), currency=currency),
    )
    return kept, replace(stands, unattributed=none, total=all_of)


def _divided(found: MarkovReport, stands: Answer) -> list[Standing]:
    """Divide what is attributed by the effects; the best first, what nothing led to left out."""
    effects = [(key, round(effect * _PRECISION)) for key, effect in found.effects if effect > 0]
    if not effects:
        return []
    weights = [weight for _, weight in effects]
    conversions = split_minor(
        round((stands.total.conversions - stands.unattributed.conversions) * WHOLE), weights
    )
    gross = (stands.total.gross - stands.unattributed.gross).split(weights)
    refunded = (stands.total.refunded - stands.unattributed.refunded).split(weights)
    parts = [
        Standing(key, "", sales / WHOLE, earned, given_back)
        for (key, _), sales, earned, given_back in zip(
            effects, conversions, gross, refunded, strict=True
        )
    ]
    return sorted(parts, key=lambda part: (-part.net.amount_minor, str(part.key)))


def _named(part: Standing, named: Mapping[str | None, labels.Name]) -> Standing:
    if part.key is None:
        return replace(part, label="All others")
    key, label = named[str(part.key) if part.key else None]
    return replace(part, key=key, label=label)


def _meta(found: MarkovReport, meta: Meta) -> Meta:
    notes = (
        f"Removal effects in a Markov chain of {found.paths} journeys, {found.conversions} sold.",
        f"Computed at {found.computed_at.isoformat(timespec='seconds')}.",
    )
    return replace(
        meta,
        definition="attribution.markov",
        version=VERSION,
        fresh_at=min(meta.fresh_at, found.computed_at),
        notes=(*meta.notes, *notes),
    )


def report(question: Question, *, at: datetime) -> MarkovReport:
    """Return a report on the paths in question, computed now unless there is a fresh one."""
    fresh = MarkovReport.objects.filter(computed_at__gt=at - FRESH_FOR, conversions__gt=0)
    return fresh.filter(**_key(question)).first() or compute(question, at=at)


def usual_questions(*, at: datetime) -> list[Question]:
    """Return the questions that are asked when nothing is named but the groups."""
    period = Period.last_days(USUAL_DAYS, at=at, zone=ZoneInfo(settings.PLATFORM_TIME_ZONE))
    return [
        Question(
            period=period,
            population=populations.choose(None),
            currency=settings.PLATFORM_CURRENCY,
            group_by=group_by,
        )
        for group_by in CreditGroup
        if group_by != CreditGroup.DAY
    ]


@transaction.atomic
def compute(question: Question, *, at: datetime) -> MarkovReport:
    """Compute a report anew; it takes the place of an earlier one on the same question."""
    brands = question.scope.brand_ids
    counted = counts.count(
        {
            "since": question.period.since,
            "until": question.period.until,
            "populations": populations.members(question.population),
            "currency": question.currency,
            "window_days": question.window_days,
            "brand_ids": None if brands is None else list(brands),
        },
        group_by=question.group_by,
    )
    effects = removal_effects(counted.counts)
    row, _ = MarkovReport.objects.update_or_create(
        **_key(question),
        defaults={
            "paths": int(counted.counts[0].sum()),
            "conversions": int(counted.counts[:, -2].sum()),
            "effects": [
                [group, float(effect)]
                for group, effect in zip(counted.groups, effects, strict=True)
            ],
            "computed_at": at,
        },
    )
    return row


def _key(question: Question) -> dict[str, Any]:
    """Return what makes two reports answer the same question."""
    brands = question.scope.brand_ids
    key: dict[str, Any] = {
        "version": VERSION,
        "group_by": question.group_by.value,
        "first": question.period.first,
        "end": question.period.end,
        "zone": question.period.zone.key,
        "population": question.population,
        "currency": question.currency,
    }
    windows = {"window_days": question.window_days, "brand_ids": brands and sorted(brands)}
    return key | {
        (name if value is not None else f"{name}__isnull"): (True if value is None else value)
        for name, value in windows.items()
    }
