"""Celery's way in: requests to writers, trials, insight; and what the studio does about facts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from celery import shared_task
from django.utils import timezone

from redshop.catalog.services import labels
from redshop.core import outbox
from redshop.core.populations import Population
from redshop.studio.models import Manifest
from redshop.studio.selectors.insights import usual_scope
from redshop.studio.services import drafting, learning, reviewing, trials

#: A writer may take as long as its server does; no transaction waits for it.
LONGEST_SECONDS: Final = 600


@outbox.subscribe("note.published")
def settle_draft(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Record that a draft is published, where a moderator let its note out."""
    reviewing.settle(note_id=payload["note_id"], at=datetime.fromisoformat(payload["published_at"]))


@outbox.subscribe("studio.manifest_made")
def embed_manifest(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Write the manifest of a note into the files of its pictures."""
    made = Manifest.objects.filter(note=payload["note_id"]).first()
    if made is not None:
        labels.embed(
            media_ids=payload["media_ids"],
            manifest={"document": made.document, "seal": made.seal},
            ai_use=payload["ai_use"],
            at=at,
        )


@shared_task(
    name="redshop.studio.tasks.write",
    time_limit=LONGEST_SECONDS,
    soft_time_limit=LONGEST_SECONDS - 30,
)
def write(**_newer: Any) -> None:
    """Have a request that is due written; where nothing is due, that costs one question."""
    drafting.write_next(at=timezone.now())


@shared_task(name="redshop.studio.tasks.step_trials")
def step_trials(**_newer: Any) -> None:
    """Weigh trials anew whose epoch is over."""
    trials.step_due(at=timezone.now())


@shared_task(name="redshop.studio.tasks.compute_insight")
def compute_insight(**_newer: Any) -> None:
    """Compute for each population what moved what in the last months."""
    now = timezone.now()
    for population in Population.values:
        learning.compute_insight(usual_scope(population=population, at=now), at=now)
