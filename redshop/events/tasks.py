"""Celery's way in: partitions made ahead, old ones brought into the lake, what is old forgotten."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from redshop.core.db import session_lock
from redshop.events import partitions
from redshop.events.lake import months, rewriting
from redshop.events.models import Forgotten
from redshop.events.services import retention

AHEAD: Final = timedelta(days=62)
#: How long one turn forgets, in seconds; well below the task's time limit.
TURN_SECONDS: Final = 20.0


@shared_task(name="redshop.events.tasks.make_partitions")
def make_partitions(**_newer: Any) -> None:
    """Have partitions for this month and the two to come."""
    now = timezone.now()
    partitions.ensure(since=now, until=now + AHEAD)


#: Large months take longer than tasks usually may; whoever comes meanwhile sees the lock and ends.
@shared_task(name="redshop.events.tasks.archive", time_limit=3_600, soft_time_limit=3_500)
def archive(**_newer: Any) -> None:
    """Bring closed months into the lake; take those out of the log that it need not keep."""
    with session_lock(months.ARCHIVE_LOCK, waits=False) as is_mine:
        if not is_mine:
            return
        for month in months.unverified(at=timezone.now()):
            months.export(month, at=timezone.now())
        keep = settings.LAKE_KEEP_MONTHS
        for month in months.older(than_months=keep, at=timezone.now()) if keep else []:
            months.detach(month, at=timezone.now())


#: As above: a month that lies in the lake alone comes back for it.
@shared_task(name="redshop.events.tasks.forget_in_lake", time_limit=3_600, soft_time_limit=3_500)
def forget_in_lake(**_newer: Any) -> None:
    """Write the months of the lake anew in which somebody who was erased is found."""
    if Forgotten.objects.exists():
        rewriting.forget_in_lake(at=timezone.now())


@shared_task(name="redshop.events.tasks.forget")
def forget(**_newer: Any) -> None:
    """Forget old ids, old bad rows and old counts, a chunk at a time."""
    until = time.monotonic() + TURN_SECONDS
    _until_done(retention.forget_ids, until=until)
    _until_done(retention.forget_rejected, until=until)
    _until_done(retention.forget_pace, until=until)


def _until_done(forget_some: Callable[..., int], *, until: float) -> None:
    while forget_some(at=timezone.now()) == retention.CHUNK and time.monotonic() < until:
        pass
