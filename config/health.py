"""What a system says about itself to machines: alive, ready, and by how much it is behind."""

import functools
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Final

import psycopg
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from config import servers
from redshop.core import outbox

logger = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 2


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer, and thereby say that this process lives."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Say of each part whether it serves; 503 if one does not.

    ``?part=`` (repeatable) asks for some parts only: the broker may be away without harm to
    those who read and buy, so a load balancer asks for the others.
    """
    wanted = request.GET.getlist("part") or list(PARTS)
    found = {name: _try(name, check) for name, check in PARTS.items() if name in wanted}
    is_ready = all(status == "ok" for status in found.values())
    return JsonResponse(found, status=200 if is_ready else 503)


@require_safe
@never_cache
def metrics(_request: HttpRequest) -> HttpResponse:
    """Show the counters of every web process, and how far the consumers are behind."""
    text = generate_latest(_processes()) + generate_latest(_outbox)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def check_database() -> None:
    """Ask PostgreSQL for anything over a connection of its own.

    Raises:
        psycopg.Error: it does not answer in time.
    """
    with closing(_connect()) as database:
        database.execute("SELECT 1")


def check_migrations() -> None:
    """See that every migration of this code was applied.

    Raises:
        LookupError: some were not.
        psycopg.Error: the database does not say.
    """
    with closing(_connect()) as database:
        applied = set(database.execute("SELECT app, name FROM django_migrations").fetchall())
    if missing := _known_migrations() - applied:
        raise LookupError(f"not applied: {sorted(missing)}")


def check_broker() -> None:
    """See that Celery's broker answers.

    Raises:
        ServerRefused: it does not.
    """
    servers.check_broker(settings.BROKER_URL, seconds=PATIENCE_SECONDS)


PARTS: Final[dict[str, Callable[[], None]]] = {
    "database": check_database,
    "migrations": check_migrations,
    "broker": check_broker,
}


def _try(name: str, check: Callable[[], None]) -> str:
    """Return "ok" or "failing"; why it fails is for the log, not for whoever asks."""
    try:
        check()
    except (psycopg.Error, LookupError, servers.ServerRefused):
        logger.warning("not ready: %s", name, exc_info=True)
        return "failing"
    return "ok"


def _connect() -> "psycopg.Connection[tuple[object, ...]]":
    parameters = connection.get_connection_params()
    keep = {"dbname", "user", "password", "host", "port", "service"}
    keep |= {name for name in parameters if name.startswith("ssl")}
    return psycopg.connect(
        **{name: value for name, value in parameters.items() if name in keep},
        connect_timeout=PATIENCE_SECONDS,
        options=f"-c statement_timeout={PATIENCE_SECONDS * 1000}",
        autocommit=True,
    )


@functools.cache
def _known_migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).disk_migrations)


def _processes() -> CollectorRegistry:
    """Return the metrics of this process, or of all that share PROMETHEUS_MULTIPROC_DIR."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


class OutboxCollector(Collector):
    """Counts what the consumers have yet to do, at the moment of asking."""

    def collect(self) -> Iterable[Metric]:
        try:
            backlog = outbox.backlog(at=timezone.now())
        except Error:
            logger.warning("the backlog is unknown", exc_info=True)
            return
        yield GaugeMetricFamily(
            "redshop_outbox_due_facts", "Facts that are due and not done.", backlog.due
        )
        yield GaugeMetricFamily(
            "redshop_outbox_oldest_due_seconds",
            "Age of the oldest due fact: the figure to alarm on.",
            backlog.oldest_due_seconds,
        )
        yield GaugeMetricFamily(
            "redshop_outbox_set_aside_facts",
            "Facts given up after five attempts: a person must look.",
            backlog.set_aside,
        )


_outbox: Final = CollectorRegistry()
_outbox.register(OutboxCollector())
