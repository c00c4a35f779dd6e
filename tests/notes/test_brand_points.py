"""Points of brands whose notes were taken down: what follows from them, and that they go."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from notes.factories import BrandStandingFactory, NoteFactory
from notes.integrity import brands
from notes.models import BrandStanding, BrandViolation, ExposureGrant
from notes.services import exposure
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog.factories import BrandFactory
from tests.api import ApiClient
from tests.conftest import token_of
from tests.notes.moderation import publish, reinstate, take_down

pytestmark = pytest.mark.django_db


def test_points_of_a_brand_act_on_what_it_publishes_and_go_when_a_note_is_reinstated(
    moderator: User,
) -> None:
    brand = BrandFactory.create()
    told = {"brand": brand, "is_sponsored": True, "disclosure": "paid_partnership"}
    note = NoteFactory.create(**told)

    take_down(note.pk, by_id=moderator.pk, rule="bought_engagement")
    assert BrandStanding.objects.get(pk=brand.pk).points == 8
    assert BrandViolation.objects.get().points == 8

    reinstate(note.pk, by_id=moderator.pk)
    assert BrandStanding.objects.get(pk=brand.pk).points == 0
    assert BrandViolation.objects.get().withdrawn_at is not None


def test_points_go_with_time() -> None:
    note = NoteFactory.create(brand=BrandFactory.create(), is_sponsored=True, disclosure="ad")
    take_down(note.pk, rule="absolute_claims")

    with transaction.atomic():
        brands.count_all(at=timezone.now() + timedelta(days=31))

    assert BrandStanding.objects.get().points == 2


def test_a_brand_with_ten_points_publishes_nothing_and_with_six_is_looked_at() -> None:
    author = UserFactory.create()
    api = ApiClient(token=token_of(author))
    standing = BrandStandingFactory.create(points=10)
    note = NoteFactory.create(
        author=author, state="draft", brand=standing.brand, is_sponsored=True, disclosure="ad"
    )

    assert publish(api, note.pk).json()["code"] == "brand_suspended"
    BrandStanding.objects.update(points=6)
    assert publish(api, note.pk).json()["state"] == "in_review"


def test_notes_of_a_brand_with_points_are_not_pushed(moderator: User) -> None:
    standing = BrandStandingFactory.create(points=8)
    held = NoteFactory.create(brand=standing.brand, published_at=timezone.now())
    free = NoteFactory.create(published_at=timezone.now())

    exposure.share(at=timezone.now() + timedelta(minutes=1))
    shown = {card["note"]["id"] for card in ApiClient().get("/feed").json()["results"]}

    assert set(ExposureGrant.objects.values_list("note_id", flat=True)) == {free.pk}
    assert shown == {free.pk}
    assert ApiClient().get(f"/notes/{held.pk}").status_code == 200
