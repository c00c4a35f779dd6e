"""Celery's way in: drain what is due when the bell rings, and sweep up now and then."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from celery import current_app, shared_task
from django.conf import settings
from django.utils import timezone
from kombu import Connection

from redshop.core import files, idempotency, outbox
from redshop.core.models import Fact

#: How long one ring keeps a worker draining, in seconds; well below the task's time limit.
DRAIN_SECONDS = 20.0


@shared_task(name="redshop.core.tasks.drain")
def drain(**_newer: Any) -> None:
    """Act on due facts until none is left or the worker's turn is over."""
    until = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < until:
        if outbox.drain(at=timezone.now()).is_empty:
            return


@outbox.subscribe("file.discarded")
def discard_file(*, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Delete a file that nothing needs any more."""
    files.delete(payload["name"], storage=payload.get("storage", "default"))


@shared_task(name="redshop.core.tasks.forget_done_facts")
def forget_done_facts(**_newer: Any) -> None:
    """Delete facts done longer ago than they are kept."""
    before = timezone.now() - timedelta(days=settings.OUTBOX_RETENTION_DAYS)
    Fact.objects.filter(done_at__lt=before).delete()


@shared_task(name="redshop.core.tasks.forget_expired_keys")
def forget_expired_keys(**_newer: Any) -> None:
    """Delete idempotency keys that are older than a day."""
    idempotency.forget_expired(at=timezone.now())


def ring(*, connection: Connection | None = None) -> None:
    """Wake a worker; a lost or repeated ring is harmless."""
    line = None if connection is None else current_app.amqp.Producer(connection)
    drain.apply_async(producer=line)


def hanging_bells(*, connection: Connection, queue_name: str | None = None) -> int:
    """Return how many rings wait in the broker for a worker, or for those of another queue."""
    queue = current_app.amqp.queues[queue_name or current_app.conf.task_default_queue]
    declared: Any = queue(connection.default_channel).queue_declare()
    return int(declared.message_count)
