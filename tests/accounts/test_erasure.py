"""Whoever is erased is nowhere any more, and every sum is what it was."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest
import redis
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from PIL import Image

from config.reconciliation import COMPARISONS
from notes.factories import FeedSnapshotFactory
from notes.models import Note, NoteCounts
from notes.services import authoring, comments, folding, reactions
from orders import factories as orders
from orders.models import Entry, Order
from orders.services import cancellation, forgetting, fulfilment
from redshop.accounts.factories import PASSWORD
from redshop.accounts.models import AccessToken, Erasure, User
from redshop.accounts.services import erasure, sessions
from redshop.catalog.factories import SkuFactory
from redshop.catalog.services import media
from redshop.conversion.models import Credit, FunnelCell, FunnelTaking, SaleCell
from redshop.conversion.services import funnel_rollup, sale_rollup
from redshop.core import data_map, outbox
from redshop.core.ids import uuid7
from redshop.events import partitions
from redshop.events.factories import EventFactory
from redshop.events.lake import months, rewriting
from redshop.events.lake.storage import duck
from redshop.events.models import Event, Forgotten
from redshop.experiments.factories import ExperimentFactory, ExposureFactory
from tests.api import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)
HOME: Any = {
    "name": "Quirina Zambelloni", "phone": "+39 333 987 1234", "line1": "Vicolo Stretto 77b",
    "city": "Pitigliano", "region": "GR", "postcode": "58017", "country": "IT",
}  # fmt: skip
#: What leads to her, wherever it is written.
WORDS = [
    "quirina77", "quirina@zambelloni.example", "Quirina Zambelloni", "baker from Maremma",
    "333 987 1234", "Vicolo Stretto", "Zwetschgendatschi", "quirinas phone", "ciambellone segreto",
    "SF100001", "because of my knee",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, settings: Any) -> Iterator[None]:
    settings.LAKE_URL = str(tmp_path / "lake")
    settings.MEDIA_ROOT = tmp_path / "media"
    kept_here = {**settings.STORAGES["private"], "OPTIONS": {"location": tmp_path / "private"}}
    settings.STORAGES = {**settings.STORAGES, "private": kept_here}
    yield
    with connection.cursor() as cursor:
        for month in [each for each in partitions.months() if each.year < 2026]:
            cursor.execute(f"DROP TABLE {partitions.name_of(month)}")
    partitions._known.clear()


def settle(at: datetime | None = None) -> None:
    """Do what workers and beat do, until nothing is left."""
    at = at or timezone.now() + timedelta(minutes=1)
    while not outbox.drain(at=at).is_empty:
        pass
    for sums in (funnel_rollup, sale_rollup):
        while sums.turn(at=at) == sums.MARKS:
            pass
    folding.fold_all(at=at)


class World:
    """A person who did everything that leaves a trace, and another who was there."""

    def __init__(self) -> None:
        self.visitor, self.past_visitor = uuid4(), uuid4()
        self.api = ApiClient(visitor=self.visitor)
        EventFactory.create(
            occurred_at=timezone.now() - timedelta(hours=9), visitor_id=self.visitor,
            query="Zwetschgendatschi", kind="search_submit",
        )  # fmt: skip
        joined = self.api.post(
            "/auth/register",
            {
                "handle": "quirina77", "email": "quirina@zambelloni.example", "password": PASSWORD,
                "display_name": "Quirina Zambelloni",
            },
        )  # fmt: skip
        self.api.token = joined.json()["token"]
        self.person = User.objects.get(handle="quirina77")
        AccessToken.objects.update(device="quirinas phone")
        self.api.patch("/me", {"bio": "baker from Maremma", "city": "Pitigliano"})
        self.other = User.objects.create_user("other", "other@example.com", PASSWORD)
        self._write_and_react()
        self._buy()
        self._be_in_the_log()

    def _write_and_react(self) -> None:
        at = timezone.now() - timedelta(days=2)
        self.sku = SkuFactory.create(on_hand=99)
        theirs = authoring.create_draft(
            author_id=self.other.pk, type="text", title="Tea", at=at,
            product_ids=[self.sku.product_id],
        )  # fmt: skip
        self.note = authoring.publish(note_id=theirs.pk, author_id=self.other.pk, at=at)
        out = io.BytesIO()
        Image.effect_noise((60, 40), 80).convert("RGB").save(out, "JPEG")
        file = SimpleUploadedFile("a.jpg", out.getvalue(), content_type="image/jpeg")
        shot = media.store(owner_id=self.person.pk, upload=file, at=at)
        own = authoring.create_draft(
            author_id=self.person.pk, type="text", title="Zwetschgendatschi", at=at,
            body="ciambellone segreto", media_ids=[shot.pk],
        )  # fmt: skip
        self.own = authoring.publish(note_id=own.pk, author_id=self.person.pk, at=at)
        reactions.like(note_id=self.note.pk, person_id=self.person.pk, at=at)
        comments.comment(
            note_id=self.note.pk, author_id=self.person.pk, body="ciambellone segreto!", at=at
        )
        reactions.like(note_id=self.own.pk, person_id=self.other.pk, at=at)
        FeedSnapshotFactory.create(person_id=self.person.pk, query="Zwetschgendatschi")
        FeedSnapshotFactory.create(visitor_id=self.visitor, query="Zwetschgendatschi")

    def _buy(self) -> None:
        at = timezone.now() - timedelta(days=1)
        EventFactory.create(
            kind="note_open", note_id=self.note.pk, occurred_at=at - timedelta(hours=2),
            visitor_id=self.visitor,
        )  # fmt: skip
        self.order = orders.paid(self.person, self.sku, address=HOME, note_id=self.note.pk, at=at)
        fulfilment.ship_order(order_id=self.order.pk, tracking="SF100001", at=at)
        fulfilment.deliver_order(order_id=self.order.pk, at=at + timedelta(hours=1))
        self.api.post_once(
            f"/orders/{self.order.pk}/returns",
            {
                "lines": [{"line_id": self.order.lines.get().pk, "quantity": 1}],
                "reason": "because of my knee",
            },
        )
        self.on_its_way = orders.paid(self.person, self.sku, address=HOME, at=at)

    def _be_in_the_log(self) -> None:
        now = timezone.now()
        bad = {"id": str(uuid7()), "kind": "like", "query": "Zwetschgendatschi"}
        good = {
            "id": str(uuid7()), "kind": "search_submit", "occurred_at": now.isoformat(),
            "query": "Zwetschgendatschi", "surface": "search",
        }  # fmt: skip
        sent = self.api.post(
            "/events",
            {
                "sent_at": now.isoformat(), "visitor_id": str(self.visitor),
                "session_id": str(uuid4()), "events": [good, bad],
            },
        )  # fmt: skip
        assert (sent.json()["accepted"], len(sent.json()["rejected"])) == (1, 1)
        for month in (JANUARY, FEBRUARY):
            for day in range(3):
                moment = datetime(2024, month.month, 5 + day, tzinfo=UTC)
                EventFactory.create(
                    occurred_at=moment, visitor_id=self.visitor, query="Zwetschgendatschi",
                    person_id=self.person.pk if day else None,
                )  # fmt: skip
                EventFactory.create(occurred_at=moment, query="tea")
            months.export(month, at=NOW)
        months.detach(JANUARY, at=NOW)
        experiment = ExperimentFactory.create()
        ExposureFactory.create(experiment=experiment, visitor_id=self.visitor)

    def leave(self) -> None:
        gone = self.api.delete("/me", {"password": PASSWORD})
        assert gone.status_code == 202, gone.content
        settle()
        rewriting.forget_in_lake(at=NOW)


def everything(needle: str) -> list[str]:
    """Return where a text stands: tables, files, Parquet, the cache."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(relname) FROM pg_class JOIN pg_namespace ON relnamespace ="
            " pg_namespace.oid WHERE nspname = 'public' AND relkind = 'r'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"SELECT count(*) FROM {table} WHERE {table}::text ILIKE %s",  # noqa: S608 - our own names
                [f"%{needle}%"],
            )
            if cursor.fetchone()[0]:
                found.append(table)
    for path in Path(django_settings.LAKE_URL).parent.rglob("*"):
        if path.suffix == ".parquet":
            with duck() as database:
                rows = database.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
            if needle.lower() in str(rows).lower():
                found.append(str(path))
        elif path.is_file() and needle.lower().encode() in path.read_bytes().lower():
            found.append(str(path))
    cache = redis.Redis.from_url(django_settings.REDIS_URL)
    for key in cache.scan_iter():
        value = cache.dump(key) or b""
        if needle.lower().encode() in (key + value).lower():
            found.append(key.decode())
    return found


def sums() -> dict[str, Any]:
    """Return what statistics, books and counters are made of."""
    return {
        "credits": list(Credit.objects.order_by("pk").values()),
        "cells": sorted(map(str, FunnelCell.objects.values())),
        "takings": sorted(map(str, FunnelTaking.objects.values())),
        "sales": sorted(map(str, SaleCell.objects.values())),
        "entries": list(Entry.objects.order_by("pk").values()),
        "likes": list(NoteCounts.objects.order_by("pk").values("pk", "likes", "saves")),
        "events": sorted(
            Event.objects.values_list("id", "kind", "occurred_at", "note_id", "order_id"),
            key=str,
        ),
    }


def test_nothing_anywhere_leads_to_who_was_erased_and_all_sums_are_as_before() -> None:
    world = World()
    settle()
    needles = [*WORDS, str(world.visitor)]
    assert [each for each in needles if not everything(each)] == []
    before = sums()

    world.leave()
    orders_after = Order.objects.get(pk=world.on_its_way.pk)
    assert orders_after.address == HOME  # it is still to arrive
    cancellation.cancel_order(order_id=world.on_its_way.pk, at=timezone.now())
    forgetting.forget_late_addresses()

    assert {each: everything(each) for each in needles if everything(each)} == {}
    after = sums()
    sold_back = {"entries", "sales", "events", "cells", "takings", "credits"}
    assert {name: after[name] for name in before if name not in sold_back} == {
        name: before[name] for name in before if name not in sold_back
    }


def test_sums_credits_and_books_are_as_before() -> None:
    world = World()
    settle()
    before = sums()

    world.leave()
    settle()

    assert sums() == before
    assert [name for name, compare in COMPARISONS.items() if list(compare().differences)] == []


def test_the_lake_is_written_anew_and_whole() -> None:
    world = World()
    settle()

    world.leave()

    assert not Forgotten.objects.exists()
    assert months.verify(JANUARY, at=NOW).detached_at is not None
    row = months.verify(FEBRUARY, at=NOW)
    assert (row.rows, row.edition) == (6, 2)
    months.restore(JANUARY, at=NOW)
    mine = Event.objects.filter(occurred_at__year=2024, person_id=world.person.pk)
    assert set(mine.values_list("visitor_id", "query")) == {(None, "")}
    assert mine.count() == 6


def test_the_account_is_shut_at_once_and_its_notes_are_gone() -> None:
    world = World()
    settle()

    world.api.delete("/me", {"password": PASSWORD})

    assert world.api.get("/me").status_code == 401
    settle()
    assert ApiClient().get(f"/notes/{world.own.pk}").status_code == 404
    assert Note.objects.get(pk=world.own.pk).title == ""
    assert not [path for path in Path(django_settings.MEDIA_ROOT).rglob("*.*") if path.is_file()]
    again = {"login": "quirina77", "password": PASSWORD}
    assert ApiClient().post("/auth/login", again).status_code == 401
    asked = Erasure.objects.get(person=world.person)
    assert asked.erased_at is not None
    assert asked.touched["orders.Return"] == 1


def test_a_wrong_password_erases_nobody() -> None:
    world = World()

    refused = world.api.delete("/me", {"password": "not mine"})

    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_password")
    assert not Erasure.objects.exists()
    assert world.api.get("/me").status_code == 200


def test_an_erasure_that_fails_leaves_everything_as_it_was(monkeypatch: Any) -> None:
    world = World()
    settle()
    erasure.ask_for(person_id=world.person.pk, at=timezone.now())

    def refuse(person: object, at: object) -> None:
        raise RuntimeError("the last of them fails")

    monkeypatch.setattr(data_map, "_erasers", [*data_map._erasers, refuse])
    with pytest.raises(RuntimeError), transaction.atomic():
        erasure.erase(person_id=world.person.pk, at=timezone.now())

    assert User.objects.get(pk=world.person.pk).handle == "quirina77"
    assert Event.objects.filter(visitor_id=world.visitor).exists()


def test_only_an_erasure_may_change_the_log() -> None:
    world = World()

    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        Event.objects.filter(visitor_id=world.visitor).update(query="")
    with transaction.atomic(), data_map.as_eraser():
        assert Event.objects.filter(visitor_id=world.visitor).update(query="")
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        Event.objects.filter(visitor_id=world.visitor).update(query="again")


def test_an_export_holds_everything_and_is_for_its_person_alone() -> None:
    world = World()
    settle()

    asked = world.api.post("/me/export")
    again = world.api.post("/me/export")
    settle()
    there = world.api.get(f"/me/exports/{asked.json()['id']}").json()

    assert (asked.status_code, asked.json()["state"]) == (202, "preparing")
    assert again.json()["id"] == asked.json()["id"]
    assert there["state"] == "ready"
    file = world.api.get(f"/me/exports/{there['id']}/file")
    with ZipFile(io.BytesIO(b"".join(file.streaming_content))) as archive:
        names = archive.namelist()
        told = {name: archive.read(name).decode() for name in names if not name.endswith(".jpg")}
    everything_told = "".join(told.values())
    assert [each for each in [*WORDS, str(world.visitor)] if each not in everything_told] == []
    assert len(json.loads(told["events.Event in the lake.json"])) == 3
    assert world.person.password not in everything_told
    assert [name for name in names if name.startswith("files/") and name.endswith("full.jpg")]
    stranger = ApiClient(token=_token_of(world.other))
    assert stranger.get(f"/me/exports/{there['id']}").status_code == 404
    assert stranger.get(f"/me/exports/{there['id']}/file").status_code == 404


def test_an_export_goes_with_its_person() -> None:
    world = World()
    world.api.post("/me/export")
    settle()
    assert list(Path(django_settings.LAKE_URL).parent.glob("private/exports/*.zip"))

    world.leave()

    assert not list(Path(django_settings.LAKE_URL).parent.glob("private/exports/*.zip"))


def test_what_an_interrupted_export_left_goes_too() -> None:
    world = World()
    asked = world.api.post("/me/export").json()["id"]
    left = storages["private"].save(f"exports/{asked}.zip", ContentFile(b"half of it"))

    settle()
    with storages["private"].open(left) as whole, ZipFile(whole) as archive:
        assert "README.txt" in archive.namelist()
    world.leave()
    settle()

    assert not storages["private"].exists(left)


def test_the_command_erases_too() -> None:
    world = World()
    settle()

    call_command("erase", "quirina77", "--yes", verbosity=0)
    settle()

    assert not User.objects.with_handle("quirina77").exists()
    assert User.objects.get(pk=world.person.pk).email.endswith("@erased.invalid")


def _token_of(person: User) -> str:
    with transaction.atomic():
        return sessions.open_session(
            user=person, device="", visitor_id=None, at=timezone.now()
        ).secret
