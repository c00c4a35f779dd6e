"""What the system says about itself to machines."""

from datetime import timedelta

import psycopg
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from config import health
from redshop.core.models import Fact
from tests.config.servers_of_ones_own import a_free_port

pytestmark = pytest.mark.django_db


def closed_door() -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(f"postgresql://nobody@127.0.0.1:{a_free_port()}/none")


def test_a_living_process_says_so(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


def test_a_system_whose_parts_serve_is_ready(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"database": "ok", "migrations": "ok", "broker": "ok"}


def test_without_a_database_a_system_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_connect", closed_door)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"database": "failing", "migrations": "failing", "broker": "ok"}


def test_with_a_migration_to_apply_a_system_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_known_migrations", lambda: {("core", "9999_to_come")})

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"database": "ok", "migrations": "failing", "broker": "ok"}


def test_without_a_broker_a_system_says_so_but_a_balancer_may_ask_for_the_rest(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "BROKER_URL", f"redis://127.0.0.1:{a_free_port()}/0")

    whole = client.get("/readyz")
    rest = client.get("/readyz?part=database&part=migrations")

    assert whole.status_code == 503
    assert whole.json() == {"database": "ok", "migrations": "ok", "broker": "failing"}
    assert (rest.status_code, rest.json()) == (200, {"database": "ok", "migrations": "ok"})


def test_the_metrics_tell_how_far_the_consumers_are_behind(client: Client) -> None:
    now = timezone.now()
    Fact.objects.create(kind="a", key="1", consumer="c", due_at=now - timedelta(seconds=90))
    Fact.objects.create(kind="a", key="2", consumer="c", due_at=now + timedelta(hours=1))
    Fact.objects.create(kind="a", key="3", consumer="c", due_at=now, set_aside_at=now)

    lines = client.get("/metrics").content.decode().splitlines()

    gauges = dict(line.split(" ") for line in lines if line.startswith("redshop_outbox"))
    assert gauges["redshop_outbox_due_facts"] == "1.0"
    assert gauges["redshop_outbox_set_aside_facts"] == "1.0"
    assert 90 <= float(gauges["redshop_outbox_oldest_due_seconds"]) < 100
    assert any(line.startswith("django_http_requests_before_middlewares_total") for line in lines)
