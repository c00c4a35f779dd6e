"""Trials: started, weighed anew each epoch, stopped; a chance is written down before it holds."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from django.db import transaction

from notes.services import alternatives
from notes.states import NoteState
from redshop.core.db import requires_transaction
from redshop.core.errors import NotFound
from redshop.core.reconciliation import Comparison
from redshop.events.services.validation import LATEST
from redshop.studio import thompson
from redshop.studio.errors import NothingToTry, TrialStateForbids
from redshop.studio.models import Allocation, Brief, Draft, Trial
from redshop.studio.selectors import trials as counted
from redshop.studio.states import DraftState
from redshop.studio.types import Reward

#: After this nothing of an epoch can be reported any more, but for what is being read just now.
SETTLED: Final = LATEST + timedelta(hours=1)


@transaction.atomic(durable=True)
def start(
    *,
    brief_id: int,
    started_by_id: int,
    at: datetime,
    reward: str = Reward.OPEN,
    epoch_hours: int = 6,
) -> Trial:
    """Show each viewer of explore one of the published variants of a brief, evenly at first.

    Locks: the brief.

    Raises:
        NothingToTry: fewer than two variants are published.
        TrialStateForbids: a trial of the brief runs.
    """
    brief = Brief.objects.select_for_update(no_key=True).get(pk=brief_id)
    if Trial.objects.running().filter(brief=brief).exists():
        raise TrialStateForbids("A trial of this brief runs.")
    trial = Trial.objects.create(
        brief=brief,
        reward=reward,
        epoch_hours=epoch_hours,
        epoch_began_at=at,
        started_by_id=started_by_id,
        started_at=at,
    )
    if len(_variants(trial)) < 2:
        raise NothingToTry
    _begin_epoch(trial, at=at)
    return trial


def step_due(*, at: datetime) -> int:
    """Weigh anew every trial whose epoch is over, with what was reported late of those before;
    return how many were weighed."""
    stepped = 0
    for trial_id in Trial.objects.running().order_by("pk").values_list("pk", flat=True):
        stepped += step(trial_id=trial_id, at=at)
    _settle_all(at=at)
    return stepped


@transaction.atomic(durable=True)
def step(*, trial_id: int, at: datetime) -> bool:
    """Begin a new epoch of a trial where the last is over; tell whether it was.

    Variants that were taken down are left out; those published since come in. Locks: the trial.
    """
    trial = Trial.objects.running().filter(pk=trial_id).locked().first()
    if trial is None or at < trial.epoch_began_at + timedelta(hours=trial.epoch_hours):
        return False
    _end_epoch(trial, at=at)
    if len(_variants(trial)) < 2:
        _stop(trial, at=at)
    else:
        _begin_epoch(trial, at=at)
    return True


@transaction.atomic(durable=True)
def stop(*, trial_id: int, at: datetime) -> Trial:
    """Show all variants to everybody again; what was found stays.

    Locks: the trial.

    Raises:
        NotFound: there is no such trial.
        TrialStateForbids: it was stopped before.
    """
    trial = Trial.objects.filter(pk=trial_id).locked().first()
    if trial is None:
        raise NotFound
    if trial.stopped_at is not None:
        raise TrialStateForbids("It was stopped before.")
    _end_epoch(trial, at=at)
    _stop(trial, at=at)
    return trial


@requires_transaction
def _stop(trial: Trial, *, at: datetime) -> None:
    trial.stopped_at = at
    trial.save(update_fields=["stopped_at"])
    alternatives.release(trial.group)


@requires_transaction
def _begin_epoch(trial: Trial, *, at: datetime) -> None:
    variants = _variants(trial)
    trial.epoch, trial.epoch_began_at = trial.epoch + 1, at
    trial.save(update_fields=["epoch", "epoch_began_at"])
    known = counted.batches(trial)
    posteriors = [thompson.posterior(known.get(draft.pk, ())) for draft in variants]
    chances = thompson.propensities(posteriors, seed=[trial.pk, trial.epoch]).tolist()
    Allocation.objects.bulk_create(
        Allocation(
            trial=trial,
            draft=draft,
            epoch=trial.epoch,
            propensity=chance,
            alpha=alpha,
            beta=beta,
            since=at,
        )
        for draft, chance, (alpha, beta) in zip(variants, chances, posteriors, strict=True)
    )
    alternatives.weigh(
        trial.group,
        propensities={
            draft.note_id: chance
            for draft, chance in zip(variants, chances, strict=True)
            if draft.note_id is not None
        },
        epoch=trial.epoch,
        at=at,
    )


@requires_transaction
def _end_epoch(trial: Trial, *, at: datetime) -> None:
    open_ones = list(Allocation.objects.filter(trial=trial, until=None).select_related("draft"))
    for allocation in open_ones:
        allocation.until = at
    _count(trial, open_ones, at=at)
    _count_again(trial, at=at)


def _settle_all(*, at: datetime) -> None:
    """Count for the last time the epochs of which nothing can be reported any more."""
    over = Allocation.objects.filter(is_final=False, until__lte=at - SETTLED)
    for trial_id in over.order_by("trial").values_list("trial", flat=True).distinct():
        with transaction.atomic():
            trial = Trial.objects.filter(pk=trial_id).locked().get()
            _count_again(trial, at=at)


@requires_transaction
def _count_again(trial: Trial, *, at: datetime) -> None:
    """Count the epochs of a trial again of which something may have been reported since."""
    waiting = Allocation.objects.filter(trial=trial, is_final=False, until__isnull=False)
    rows = waiting.select_related("draft").order_by("epoch", "draft")
    for _, group in groupby(rows, key=lambda row: row.epoch):
        _count(trial, list(group), at=at)


@requires_transaction
def _count(trial: Trial, rows: Sequence[Allocation], *, at: datetime) -> None:
    if not rows:
        return
    found = _found(trial, rows)
    for row in rows:
        row.people, row.successes = found.get(row.draft.note_id or 0, (0, 0))
        row.is_final = row.until is not None and at >= row.until + SETTLED
    Allocation.objects.bulk_update(rows, ["until", "people", "successes", "is_final"])


def _variants(trial: Trial) -> list[Draft]:
    """Return the drafts of a trial's brief that readers can see now."""
    published = Draft.objects.filter(
        brief=trial.brief_id, state=DraftState.PUBLISHED, note__state=NoteState.PUBLISHED
    )
    return list(published.order_by("pk"))


def compare() -> Comparison:
    """Compare what every final epoch of a trial came to with what the log says now."""
    rows = list(
        Allocation.objects.filter(is_final=True)
        .select_related("trial", "draft")
        .order_by("trial", "epoch", "draft")
    )
    return Comparison(scope=f"{len(rows)} final allocations", differences=_differences(rows))


def _differences(rows: Sequence[Allocation]) -> Iterator[str]:
    for (_, epoch), group in groupby(rows, key=lambda row: (row.trial_id, row.epoch)):
        some = list(group)
        found = _found(some[0].trial, some)
        for row in some:
            now = found.get(row.draft.note_id or 0, (0, 0))
            if now != (row.people, row.successes):
                yield (
                    f"trial {row.trial_id}, epoch {epoch}, draft {row.draft_id}: kept "
                    f"{(row.people, row.successes)}, counted {now}"
                )


def _found(trial: Trial, rows: Sequence[Allocation]) -> dict[int, tuple[int, int]]:
    """Return what the log says of the notes of an epoch that has ended."""
    until = rows[0].until
    if until is None:
        raise ValueError("an epoch is counted once it has ended")
    note_ids = [row.draft.note_id for row in rows if row.draft.note_id is not None]
    return counted.counts(note_ids=note_ids, reward=trial.reward, since=rows[0].since, until=until)
