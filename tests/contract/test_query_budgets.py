"""Every operation of the API has a recorded query budget, the same in a small shop and a larger.

Operations that need what a test of their own prepares better (an upload, a mailed code) are
named in ELSEWHERE; nothing else may be left out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from notes.factories import (
    CommentFactory,
    DecisionFactory,
    NoteFactory,
    PastSearchFactory,
    TopicFactory,
)
from notes.models import Note
from notes.services import folding
from notes.states import NoteState
from orders.factories import ADDRESSES, CartItemFactory, asked_back, delivered, paid, placed
from orders.models import Order
from orders.services.checkout import quote
from redshop.accounts.factories import (
    ExportFactory,
    FollowFactory,
    NotificationFactory,
    UserFactory,
)
from redshop.accounts.models import User
from redshop.catalog.factories import MediaFactory, ProductFactory, SkuFactory
from redshop.core.ids import uuid7
from redshop.experiments.factories import ArmFactory
from redshop.simulation.seeding import Sizes, seed
from tests.api import ApiClient
from tests.conftest import token_of
from tests.contract.operations import Operation, operations
from tests.query_counts import counted, recorded

SMALL: Final = Sizes(people=3, products=4, notes=4, orders=2)
LARGE: Final = Sizes(people=8, products=12, notes=14, orders=8)
ELSEWHERE: Final = {
    "POST /api/v1/webhooks/payments/{provider}": "tests/payments signs them",
    "POST /api/v1/media": "tests/catalog/test_media_api.py uploads",
    "GET /api/v1/me/exports/{export_id}/file": "tests/accounts/test_erasure.py fetches one",
    "POST /api/v1/webhooks/link-outs": "tests/orders/test_link_outs.py signs",
    "POST /api/v1/auth/email/verify": "tests/accounts reads the mail",
    "POST /api/v1/auth/password/reset/confirm": "tests/accounts reads the mail",
}


@dataclass(frozen=True)
class World:
    """A shop of some size, and one person in it who has a bit of everything."""

    me: User
    token: str
    ids: Mapping[str, Any]

    def address(self, operation: Operation) -> str:
        path = operation.path.removeprefix("/api/v1").format_map(self.ids)
        return path + QUERIES.get(str(operation), "")


QUERIES: Final = {
    "GET /api/v1/feed": "?surface=explore",
    "GET /api/v1/search/notes": "?q=linen",
    "GET /api/v1/search/products": "?q=linen",
    "GET /api/v1/search/suggest": "?q=s",
}


def bodies(world: World) -> Mapping[str, Any]:
    """Return what each operation is called with, where it takes a body."""
    now = timezone.now().isoformat()
    event = {"id": str(uuid7()), "kind": "note_open", "occurred_at": now, "surface": "explore"}
    return {
        "POST /api/v1/auth/register": {
            "handle": "newcomer",
            "email": "newcomer@example.com",
            "password": "correct horse battery staple",
        },
        "POST /api/v1/auth/login": {"login": world.me.handle, "password": PASSWORD},
        "POST /api/v1/auth/password": {"current": PASSWORD, "new": "a wholly different secret"},
        "POST /api/v1/auth/password/reset": {"email": world.me.email},
        "DELETE /api/v1/me": {"password": PASSWORD},
        "PATCH /api/v1/me": {"bio": "Hello."},
        "PUT /api/v1/me/consents": {"marketing": True},
        "PUT /api/v1/me/preferences": {"personalised": True, "topics": {}},
        "POST /api/v1/me/notifications/read": {},
        "PUT /api/v1/cart/items/{sku_id}": {"quantity": 2},
        "POST /api/v1/checkout": {"address": ADDRESSES[0]},
        "POST /api/v1/checkout/quote": {"address": ADDRESSES[0]},
        "POST /api/v1/orders/{order_id}/payments": {"method": "sandbox"},
        "POST /api/v1/orders/{order_id}/cancel": {},
        "POST /api/v1/orders/{order_id}/returns": {
            "lines": [{"line_id": world.ids["arrived_line_id"], "quantity": 1}],
            "reason": "Too small.",
        },
        "POST /api/v1/returns/{return_id}/cancel": {},
        "POST /api/v1/link-outs": {
            "product_id": world.ids["product_elsewhere_id"],
            "note_id": world.ids["note_id"],
        },
        "POST /api/v1/notes": {"type": "text", "title": "A thought", "body": "…"},
        "PATCH /api/v1/notes/{note_id}": {"title": "A better thought"},
        "POST /api/v1/notes/{note_id}/reports": {"reason": "spam"},
        "POST /api/v1/decisions/{decision_id}/appeal": {"reason": "It is true."},
        "POST /api/v1/notes/{note_id}/comments": {"body": "Where from?"},
        "POST /api/v1/events": {
            "sent_at": now,
            "visitor_id": str(uuid4()),
            "session_id": str(uuid4()),
            "events": [event],
        },
    }


PASSWORD: Final = "correct horse battery staple"


def live(sizes: Sizes, *, scale: int) -> World:
    """Fill the shop and give a new person ``scale`` of everything."""
    now = timezone.now()
    seed(sizes=sizes, at=now)
    me = UserFactory.create(is_analyst=True, password=PASSWORD)
    dress = SkuFactory.create(product__name="Linen dress").product
    topic = TopicFactory.create(slug="sunscreen")
    note, _ = [
        NoteFactory.create(title="A linen dress", products=[dress], topics=[topic], media=[album])
        for album in (MediaFactory.create(), MediaFactory.create())
    ]
    comments = [CommentFactory.create(note=note, author=me) for _ in range(scale)]
    arrived = delivered(me, *[SkuFactory.create() for _ in range(2)], quantity=2)
    order = placed(me, *[SkuFactory.create() for _ in range(scale)], at=now)
    for _ in range(scale):
        paid(me, SkuFactory.create(), at=now - timedelta(hours=1))
        FollowFactory.create(followed=me)
        FollowFactory.create(follower=me)
        NotificationFactory.create(recipient=me)
        NoteFactory.create(author=me)
        CartItemFactory.create(person=me)
    folding.fold_all(at=now)
    token = token_of(me)
    quote(buyer_id=me.pk, address=ADDRESSES[0], at=now)  # this process now knows the rules
    return World(me=me, token=token, ids=_ids(me, note, comments[0].pk, order.pk, arrived))


def _ids(me: User, note: Note, comment_id: int, order_id: Any, arrived: Order) -> dict[str, Any]:
    product = note.product_tags.get().product
    other = UserFactory.create()
    line_id = arrived.lines.earliest("pk").pk
    elsewhere = ProductFactory.create(external_url="https://shop.example/dress")
    return {
        "arrived_order_id": arrived.pk,
        "arrived_line_id": line_id,
        "return_id": asked_back(arrived, quantities={line_id: 1}, at=timezone.now()).pk,
        "product_elsewhere_id": elsewhere.pk,
        "note_id": note.pk,
        "comment_id": comment_id,
        "decision_id": DecisionFactory.create(note__author=me).pk,
        "export_id": ExportFactory.create(person=me).pk,
        "search_id": PastSearchFactory.create(person_id=me.pk).pk,
        "order_id": order_id,
        "product_id": product.pk,
        "sku_id": product.skus.get().pk,
        "handle": other.handle,
        "slug": "sunscreen",
        "id": product.pk,
    }


def specific(world: World, operation: Operation) -> dict[str, Any]:
    """Return the ids of an operation that is about something else than most."""
    path, me = operation.path, world.me
    if path in {"/api/v1/brands/{id}", "/api/v1/stats/brands/{id}"}:
        return {"id": SkuFactory.create().product.brand_id}
    if path == "/api/v1/stats/experiments/{key}":
        return {"key": ArmFactory.create(is_control=True).experiment.key}
    if path == "/api/v1/stats/notes/{id}":
        return {"id": world.ids["note_id"]}
    if path == "/api/v1/orders/{order_id}/returns":
        return {"order_id": world.ids["arrived_order_id"]}
    if path == "/api/v1/auth/sessions/{id}":
        return {"id": me.tokens.latest("pk").pk}
    if operation.method in {"patch", "delete"} and path == "/api/v1/notes/{note_id}":
        return {"note_id": NoteFactory.create(author=me, title="Mine", body="").pk}
    if path == "/api/v1/notes/{note_id}/check":
        return {"note_id": NoteFactory.create(author=me, title="Mine", body="").pk}
    if path == "/api/v1/notes/{note_id}/publish":
        mine = NoteFactory.create(author=me, title="Mine", body="", state=NoteState.DRAFT.value)
        return {"note_id": mine.pk}
    return {}


def asking(world: World, operation: Operation) -> Callable[[], Any]:
    """Return a call of the operation that succeeds."""
    there = World(world.me, world.token, {**world.ids, **specific(world, operation)})
    address, body = there.address(operation), bodies(world).get(str(operation))
    if operation.path.endswith("/why"):
        request_id = ApiClient(token=world.token).get("/feed").json()["request_id"]
        address += f"?request_id={request_id}"
    if operation.path.endswith("/stats/aips"):
        address += f"?brand={SkuFactory.create().product.brand_id}"
    device = ApiClient(token=None if "auth/login" in operation.path else world.token)
    return lambda: device.call(operation.method.upper(), address, body, key=uuid7())


def budgets(world: World) -> dict[str, int]:
    """Return how many queries each operation takes; what it changes is undone."""
    found = {}
    for operation in operations():
        if str(operation) in ELSEWHERE:
            continue
        savepoint = transaction.savepoint()
        queries, response = counted(asking(world, operation))
        transaction.savepoint_rollback(savepoint)
        shown = json.dumps(str(response.content[:300]))
        assert response.status_code < 400, f"{operation}: {response.status_code} {shown}"
        found[f"api {operation}"] = queries
    return found


@pytest.mark.django_db
def test_every_operation_takes_the_recorded_number_of_queries_in_any_shop() -> None:
    small = budgets(live(SMALL, scale=2))
    large = budgets(live(LARGE, scale=6))

    grown = {name: (count, large[name]) for name, count in small.items() if large[name] != count}
    assert grown == {}
    assert recorded(small, prefix="api ") == small
