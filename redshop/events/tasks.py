"""Celery's way in: partitions made before they are needed, what is old forgotten."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.utils import timezone

from redshop.events import partitions
from redshop.events.services import retention

AHEAD: Final = timedelta(days=62)
#: How long one turn forgets, in seconds; well below the task's time limit.
TURN_SECONDS: Final = 20.0


@shared_task(name="redshop.events.tasks.make_partitions")
def make_partitions(**_newer: Any) -> None:
    """Have partitions for this month and the two to come."""
    now = timezone.now()
    partitions.ensure(since=now, until=now + AHEAD)


@shared_task(name="redshop.events.tasks.forget")
def forget(**_newer: Any) -> None:
    """Forget old ids and old bad rows, a chunk at a time."""
    until = time.monotonic() + TURN_SECONDS
    _until_done(retention.forget_ids, until=until)
    _until_done(retention.forget_rejected, until=until)


def _until_done(forget_some: Callable[..., int], *, until: float) -> None:
    while forget_some(at=timezone.now()) == retention.CHUNK and time.monotonic() < until:
        pass
