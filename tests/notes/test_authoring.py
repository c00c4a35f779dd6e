"""A note's life: who may move it where, what it must say, and what it shows when."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product as pairs_of
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError

from notes.errors import AiLabelRequired, DisclosureRequired, NotABrandMember, NoteStateForbids
from notes.factories import NoteFactory, TopicFactory
from notes.models import Note, ProductTag
from notes.services import authoring, verification
from notes.states import ALLOWED, NoteState
from notes.tasks import prove_purchase
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog.factories import (
    BrandFactory,
    BrandMemberFactory,
    MediaFactory,
    ProductFactory,
)
from redshop.core import outbox
from redshop.core.errors import InvalidInput, NotFound
from tests.notes.indexed import terms_of
from tests.notes.moderation import reinstate, take_down

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
STATES = list(NoteState)
FORBIDDEN = [(a, b) for a, b in pairs_of(STATES, STATES) if a != b and b not in ALLOWED[a]]


def draft(author: User, **over: Any) -> Note:
    return authoring.create_draft(
        **{"author_id": author.pk, "type": "image", "title": "Tea", "at": NOW, **over}
    )


def in_state(author: User, state: NoteState) -> Note:
    """Insert a note in this very state: triggers watch changes, not births."""
    return Note.objects.create(author=author, title="x", state=state, published_at=NOW)


def state_of(note: Note) -> str:
    return Note.objects.values_list("state", flat=True).get(pk=note.pk)


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_the_database_refuses_every_edge_that_is_not_in_the_table(
    author: User, before: NoteState, after: NoteState
) -> None:
    note = in_state(author, before)

    with pytest.raises(ProgrammingError), transaction.atomic():
        Note.objects.filter(pk=note.pk).update(state=after)

    assert state_of(note) == before


def test_the_database_knows_every_edge_of_the_table(author: User) -> None:
    for before, targets in ALLOWED.items():
        for after in targets:
            note = in_state(author, before)

            assert Note.objects.filter(pk=note.pk).update(state=after) == 1


def test_publishing_stamps_the_note_indexes_it_and_tells_the_other_rooms(
    author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        outbox, "publish", lambda kind, *, payload, **_rest: told.append((kind, payload))
    )
    topic = TopicFactory.create(slug="leaf", name="Leaf")
    note = draft(author, body="green", topic_slugs=[topic.slug])

    published = authoring.publish(note_id=note.pk, author_id=author.pk, at=LATER)
    again = authoring.publish(note_id=note.pk, author_id=author.pk, at=LATER + timedelta(days=1))

    assert (published.state, published.published_at) == ("published", LATER)
    assert again.published_at == LATER
    assert terms_of(published) == {
        *("green", "green~", "leaf", "leaf~", "tea", "tea~"),
        "/image",
    }
    fact = {"note_id": note.pk, "author_id": author.pk, "published_at": LATER.isoformat()}
    assert told == [("note.published", fact)]


@pytest.mark.parametrize("origin", ["earning", "sponsored", "brand"])
def test_whoever_gains_from_a_note_says_so_before_it_is_published(
    author: User, origin: str
) -> None:
    member = BrandMemberFactory.create(user=author)
    over: dict[str, dict[str, Any]] = {
        "earning": {"earns_commission": True},
        "sponsored": {"is_sponsored": True, "brand_id": member.brand_id},
        "brand": {"origin": "brand", "brand_id": member.brand_id},
    }
    note = draft(author, **over[origin])

    with pytest.raises(DisclosureRequired):
        authoring.publish(note_id=note.pk, author_id=author.pk, at=NOW)

    assert state_of(note) == "draft"
    with pytest.raises(IntegrityError, match="note_commercial_is_disclosed"), transaction.atomic():
        Note.objects.filter(pk=note.pk).update(state="published", published_at=NOW)
    authoring.edit(
        note_id=note.pk, author_id=author.pk, at=NOW, changes={"disclosure": "paid_partnership"}
    )
    authoring.publish(note_id=note.pk, author_id=author.pk, at=NOW)
    assert state_of(note) == "published"


@pytest.mark.parametrize(
    ("rule", "expected"), [("commercial", "published"), ("every_product_link", "draft")]
)
def test_a_deployment_may_demand_a_label_for_every_product(
    author: User, settings: Any, rule: str, expected: str
) -> None:
    settings.DISCLOSURE_RULE = rule
    note = draft(author, product_ids=[ProductFactory.create().pk])

    with suppress(DisclosureRequired):
        authoring.publish(note_id=note.pk, author_id=author.pk, at=NOW)

    assert state_of(note) == expected


def test_a_published_note_cannot_shed_its_labels(author: User) -> None:
    note = NoteFactory.create(
        author=author, earns_commission=True, disclosure="ad", ai_use="assisted"
    )

    for changes, refusal in (
        ({"disclosure": ""}, DisclosureRequired),
        ({"ai_use": "none"}, AiLabelRequired),
    ):
        with pytest.raises(refusal):
            authoring.edit(note_id=note.pk, author_id=author.pk, at=NOW, changes=changes)  # type: ignore[arg-type]

    kept = Note.objects.get(pk=note.pk)
    assert (kept.disclosure, kept.ai_use) == ("ad", "assisted")
    changed = authoring.edit(
        note_id=note.pk, author_id=author.pk, at=NOW, changes={"ai_use": "generated"}
    )
    assert changed.ai_use == "generated"


def test_only_its_people_write_in_a_brand_s_name(author: User) -> None:
    brand = BrandFactory.create()

    with pytest.raises(NotABrandMember):
        draft(author, origin="brand", brand_id=brand.pk)
    with pytest.raises(InvalidInput):
        draft(author, is_sponsored=True)

    assert not Note.objects.exists()


def test_a_moderator_s_decision_is_not_the_author_s_to_undo(author: User) -> None:
    note = NoteFactory.create(author=author, published_at=NOW)
    take_down(note.pk)

    acts: list[Callable[[], object]] = [
        lambda: authoring.publish(note_id=note.pk, author_id=author.pk, at=LATER),
        lambda: authoring.edit(note_id=note.pk, author_id=author.pk, at=LATER, changes={}),
        lambda: take_down(note.pk),
    ]
    for act in acts:
        with pytest.raises(NoteStateForbids):
            act()

    assert state_of(note) == "taken_down"
    reinstate(note.pk)
    back = Note.objects.get(pk=note.pk)
    assert (back.state, back.published_at) == ("published", NOW)


def test_a_deleted_note_is_gone_and_shows_nothing_any_more(author: User) -> None:
    note = NoteFactory.create(author=author, products=[ProductFactory.create()], published_at=NOW)

    authoring.delete(note_id=note.pk, author_id=author.pk, at=LATER)

    assert ProductTag.objects.get().valid_until == LATER
    with pytest.raises(NotFound):
        authoring.publish(note_id=note.pk, author_id=author.pk, at=LATER)
    with pytest.raises(NotFound):
        reinstate(note.pk)


def test_a_tag_has_the_interval_in_which_it_stood(author: User) -> None:
    one, two = ProductFactory.create_batch(2)
    note = NoteFactory.create(author=author, products=[one], published_at=NOW)

    def show(*products: Any, at: datetime) -> None:
        ids = [each.pk for each in products]
        authoring.edit(note_id=note.pk, author_id=author.pk, at=at, changes={"product_ids": ids})

    show(two, at=LATER)
    show(one, two, at=LATER + timedelta(hours=1))
    show(one, two, at=LATER + timedelta(hours=2))

    tags = ProductTag.objects.order_by("pk").values_list("product", "valid_from", "valid_until")
    assert list(tags) == [
        (one.pk, NOW, LATER),
        (two.pk, LATER, None),
        (one.pk, LATER + timedelta(hours=1), None),
    ]


def test_a_tag_that_stood_for_no_time_at_all_never_was(author: User) -> None:
    note = draft(author, product_ids=[ProductFactory.create().pk])

    authoring.edit(note_id=note.pk, author_id=author.pk, at=NOW, changes={"product_ids": []})

    assert not ProductTag.objects.exists()


@pytest.mark.parametrize("field", ["topic_slugs", "product_ids", "media_ids"])
def test_what_is_not_there_cannot_be_shown_and_nothing_is_written(author: User, field: str) -> None:
    wanted = ["nothing"] if field == "topic_slugs" else [999_999]

    with pytest.raises(InvalidInput) as refusal:
        draft(author, **{field: wanted})

    pointer = {"topic_slugs": "/topics/0"}.get(field, f"/{field}/0")
    assert refusal.value.extra["errors"][0]["pointer"] == pointer
    assert not Note.objects.exists()


def test_nobody_shows_another_person_s_picture(author: User) -> None:
    with pytest.raises(InvalidInput):
        draft(author, media_ids=[MediaFactory.create(owner=UserFactory.create()).pk])

    assert not Note.objects.exists()


def test_a_simulated_author_writes_simulated_notes() -> None:
    assert draft(UserFactory.create(population="simulated")).population == "simulated"


def delivered(buyer: User, *products: Any) -> None:
    payload = {
        "order_id": "x",
        "buyer_id": buyer.pk,
        "product_ids": [product.pk for product in products],
        "delivered_at": NOW.isoformat(),
    }
    with transaction.atomic():
        prove_purchase(kind="order.delivered", payload=payload, at=NOW)


def test_a_delivery_verifies_the_notes_about_it_before_and_after(author: User) -> None:
    bought, other = ProductFactory.create_batch(2)
    before = NoteFactory.create(author=author, products=[bought])
    foreign = NoteFactory.create(author=UserFactory.create(), products=[bought])
    unrelated = NoteFactory.create(author=author, products=[other])

    delivered(author, bought)
    delivered(author, bought)

    after = NoteFactory.create(author=author, products=[bought, other])
    notes = [before, foreign, unrelated, after]
    verified = [Note.objects.get(pk=note.pk).has_verified_purchase for note in notes]
    assert verified == [True, False, False, True]


def test_a_note_that_no_longer_shows_what_was_bought_is_not_verified(author: User) -> None:
    bought = ProductFactory.create()
    with transaction.atomic():
        verification.prove(person_id=author.pk, product_ids=[bought.pk], delivered_at=NOW)
    note = NoteFactory.create(author=author, products=[bought], published_at=NOW)

    authoring.edit(note_id=note.pk, author_id=author.pk, at=LATER, changes={"product_ids": []})

    assert not Note.objects.get(pk=note.pk).has_verified_purchase
