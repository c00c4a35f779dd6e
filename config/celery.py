"""The Celery application: workers that drain the outbox, and the clockwork."""

import os
from typing import Any, Final

from celery import Celery
from celery.beat import PersistentScheduler
from celery.signals import task_prerun, worker_process_init, worker_ready
from django.db import close_old_connections

from config import heartbeat
from config.processes import tie_to_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

#: Celery closes the database's connection after twice so many tasks, not after each.
TASKS_A_CONNECTION: Final = 1_000

app = Celery("redshop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf["CELERY_DB_REUSE_MAX"] = TASKS_A_CONNECTION
app.autodiscover_tasks()


def work(*arguments: str, concurrency: int) -> None:
    """Be a worker until told to stop: processes that take one task at a time."""
    app.worker_main(
        [
            "worker",
            f"--concurrency={concurrency}",
            "--pool=prefork",
            "--prefetch-multiplier=1",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=INFO",
            *arguments,
        ]
    )


@worker_process_init.connect
def _end_with_the_worker(**_: Any) -> None:
    """Let no child outlive a worker that was killed."""
    tie_to_parent()


@task_prerun.connect
def _look_at_the_connection(**_: Any) -> None:
    """Replace a connection that broke since the last task, as Django does for each request."""
    close_old_connections()


@worker_ready.connect
def _say_ready(**_: Any) -> None:
    heartbeat.give()


class Clockwork(PersistentScheduler):
    """Celery's scheduler with a heartbeat."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        heartbeat.give()
        return float(super().tick(*args, **kwargs))
