"""Having writers write: one request at a time, outside any transaction, tried again if need be."""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce

from redshop.core.db import requires_transaction
from redshop.studio import attributes, compliance
from redshop.studio.errors import WriterUnknown
from redshop.studio.models import Draft, Revision, WritingJob
from redshop.studio.services import briefs
from redshop.studio.states import Writing
from redshop.studio.types import Written
from redshop.studio.writers import base
from redshop.studio.writers.base import WriterFailed

logger = logging.getLogger(__name__)

#: A request is tried so often, with pauses that double; one that runs for longer was lost.
MOST_ATTEMPTS: Final = 3
PAUSE: Final = timedelta(seconds=20)
LOST_AFTER: Final = timedelta(minutes=10)
#: So many are written at a time at most: workers have other things to do than to wait.
MOST_RUNNING: Final = 2
DAY: Final = timedelta(days=1)


def write_next(*, at: datetime) -> WritingJob | None:
    """Have the next request that is due written; None where none is.

    Waits for the network: never inside a transaction.
    """
    job = _take(at=at)
    if job is None:
        return None
    try:
        _check_budget(job, at=at)
        writer = base.writer_of(job.writer)
        assignment = briefs.assignment_of(job.brief)
        written = writer.write(assignment, prompt=job.prompt, seed=job.pk)
    except WriterUnknown as refusal:
        return _fail(job, WriterFailed(refusal.detail, is_final=True), at=at)
    except WriterFailed as failure:
        return _fail(job, failure, at=at)
    except Exception as error:
        logger.exception("a writer failed in a way it should not")
        return _fail(job, WriterFailed(f"{type(error).__name__} in the writer"), at=at)
    return _keep(job, written, at=at)


@transaction.atomic(durable=True)
def _take(*, at: datetime) -> WritingJob | None:
    """Take the request that is due first, so that nobody else writes it meanwhile."""
    if WritingJob.objects.filter(state=Writing.RUNNING, due_at__gt=at).count() >= MOST_RUNNING:
        return None
    due = WritingJob.objects.filter(state__in=[Writing.WAITING, Writing.RUNNING], due_at__lte=at)
    job = (
        due.order_by("due_at", "pk")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .first()
    )
    if job is None:
        return None
    if job.attempts >= MOST_ATTEMPTS:  # whoever wrote it was lost, every time
        job.state, job.ended_at, job.failure = Writing.FAILED, at, "It was lost three times."
        job.save(update_fields=["state", "ended_at", "failure"])
        return None
    job.state, job.attempts = Writing.RUNNING, job.attempts + 1
    job.due_at = at + LOST_AFTER
    job.save(update_fields=["state", "attempts", "due_at"])
    return job


def _check_budget(job: WritingJob, *, at: datetime) -> None:
    """Refuse to spend more tokens in a day than the deployment allows.

    Raises:
        WriterFailed: the brand's, or everybody's, are used up.
    """
    if job.writer == base.GRAMMAR:
        return
    lately = WritingJob.objects.filter(asked_at__gt=at - DAY)
    spent = Coalesce(Sum("input_tokens"), 0) + Coalesce(Sum("output_tokens"), 0)
    for jobs, most in (
        (lately, settings.STUDIO["daily_tokens"]),
        (lately.filter(brief__brand=job.brief.brand_id), settings.STUDIO["daily_tokens_of_brand"]),
    ):
        if jobs.aggregate(spent=spent)["spent"] >= most:
            raise WriterFailed("The tokens of this day are used up.", is_final=True)


@transaction.atomic(durable=True)
def _fail(job: WritingJob, failure: WriterFailed, *, at: datetime) -> WritingJob:
    job = WritingJob.objects.locked().get(pk=job.pk)
    if job.state != Writing.RUNNING:
        return job
    _spend(job, failure.tokens)
    job.failure = failure.why[:300]
    if failure.is_final or job.attempts >= MOST_ATTEMPTS:
        job.state, job.ended_at = Writing.FAILED, at
    else:
        job.state, job.due_at = Writing.WAITING, at + PAUSE * 2 ** (job.attempts - 1)
    job.save()
    return job


@transaction.atomic(durable=True)
def _keep(job: WritingJob, written: Written, *, at: datetime) -> WritingJob:
    """Keep what was written as drafts; nothing where the request was given up meanwhile."""
    job = WritingJob.objects.locked().get(pk=job.pk)
    if job.state != Writing.RUNNING:
        return job
    for variant in written.variants:
        draft = Draft(
            brief_id=job.brief_id,
            job=job,
            segment=variant.segment,
            title=variant.title,
            body=variant.body,
            written_at=at,
        )
        read(draft)
        draft.save()
        Revision.objects.create(
            draft=draft, number=0, title=variant.title, body=variant.body, at=at
        )
    _spend(job, (written.input_tokens, written.output_tokens))
    job.model, job.failure = written.model[:120], ""
    job.state, job.ended_at = Writing.DONE, at
    job.save()
    return job


@requires_transaction
def read(draft: Draft) -> None:
    """Tell what a draft is like, and what speaks against it, from what it says now."""
    draft.attributes = attributes.tag_words(title=draft.title, body=draft.body)
    draft.objections = [
        objection.as_json()
        for objection in compliance.check(
            title=draft.title, body=draft.body, allowed=briefs.allowed_of(draft.brief)
        )
    ]


def _spend(job: WritingJob, tokens: tuple[int, int]) -> None:
    job.input_tokens += tokens[0]
    job.output_tokens += tokens[1]
