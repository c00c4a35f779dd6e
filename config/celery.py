"""The Celery application: workers that drain the outbox, and the clockwork."""

import os
from typing import Any

from celery import Celery
from celery.beat import PersistentScheduler
from celery.signals import worker_process_init, worker_ready

from config import heartbeat
from config.processes import tie_to_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("redshop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def _end_with_the_worker(**_: Any) -> None:
    """Let no child outlive a worker that was killed."""
    tie_to_parent()


@worker_ready.connect
def _say_ready(**_: Any) -> None:
    heartbeat.give()


class Clockwork(PersistentScheduler):
    """Celery's scheduler with a heartbeat."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        heartbeat.give()
        return float(super().tick(*args, **kwargs))
