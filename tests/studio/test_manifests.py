"""Manifests: read over the API, carried inside pictures, and checked when one is uploaded."""

import io
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from notes.factories import NoteFactory
from notes.models import Note
from redshop.accounts.models import User
from redshop.catalog.factories import BrandMemberFactory, ProductFactory, ProductMediaFactory
from redshop.catalog.models import Media, Product
from redshop.catalog.services import media
from redshop.core import aigc, outbox, sealing
from redshop.studio.models import Draft, Manifest
from redshop.studio.services import briefs, drafting, reviewing
from tests.api import ApiClient
from tests.conftest import token_of

pytestmark = pytest.mark.django_db


def picture(seed: int = 0, *, kind: str = "JPEG", **saved: Any) -> bytes:
    """Return a picture that is told from others: stripes that depend on the seed."""
    image = Image.new("RGB", (180, 160))
    for x in range(180):
        for y in range(160):
            image.putpixel((x, y), ((x * (seed + 2)) % 256, (y * 3 + x * seed) % 256, 40))
    out = io.BytesIO()
    image.save(out, kind, **saved)
    return out.getvalue()


def upload(owner: User, content: bytes) -> Media:
    file = SimpleUploadedFile("a.jpg", content, content_type="image/jpeg")
    return media.store(owner_id=owner.pk, upload=file, at=timezone.now())


@pytest.fixture
def product(tmp_path: Any, settings: Any) -> Product:
    """A product of a brand that shows a real picture."""
    settings.MEDIA_ROOT = tmp_path
    member = BrandMemberFactory.create()
    shown = upload(member.user, picture())
    made: Product = ProductFactory.create(brand=member.brand)
    ProductMediaFactory.create(product=made, media=shown)
    return made


def published(product: Product) -> Note:
    """Publish a draft for a product, and let what follows happen."""
    author, now = product.brand.members.get().user, timezone.now()
    brief = briefs.open_brief(
        product_id=product.pk, author_id=author.pk, opened_by_id=author.pk, at=now, language="en"
    )
    briefs.ask(brief_id=brief.pk, writer="grammar", asked_by_id=author.pk, at=now)
    drafting.write_next(at=now)
    draft = Draft.objects.filter(brief=brief).order_by("pk")[0]
    reviewing.approve(draft_id=draft.pk, by_id=author.pk, at=now)
    note = reviewing.publish(draft_id=draft.pk, at=now)
    outbox.drain_all(at=timezone.now())
    return note


def files_of(shown: Media) -> list[bytes]:
    from django.core.files.storage import default_storage

    contents = []
    for form in shown.renditions.values():
        with default_storage.open(form["file"]) as file:
            contents.append(file.read())
    return contents


def test_the_pictures_of_a_published_draft_bear_mark_and_manifest(product: Product) -> None:
    note = published(product)
    made, shown = Manifest.objects.get(note=note), note.media.get()

    assert note.type == "image"
    assert shown.owner_id == note.author_id
    for content in files_of(shown):
        assert aigc.read_manifest(io.BytesIO(content)) == {
            "document": made.document,
            "seal": made.seal,
        }
        assert aigc.read(io.BytesIO(content))["PropagateID"] == f"note-{note.pk}"
        assert content.count(b"http://ns.adobe.com/xap/1.0/") <= 1  # written anew, not twice
    lent_from = product.pictures.get().media
    if lent_from.pk != shown.pk:
        assert aigc.read_manifest(io.BytesIO(files_of(lent_from)[0])) == {}


def test_a_genuine_manifest_is_kept_when_the_picture_is_uploaded_again(product: Product) -> None:
    note = published(product)
    stranger = get_user_model().objects.create_user("stranger", "stranger@example.com")
    content = max(files_of(note.media.get()), key=len)

    again = upload(stranger, content)
    assert again.manifest["document"]["instance_id"] == f"redshop:note:{note.pk}"
    assert again.aigc["Label"] == "1"


@pytest.mark.parametrize(
    "how", ["changed", "without a seal", "another's seal", "of another picture"]
)
def test_a_forged_manifest_is_refused_and_nothing_is_kept(
    client: Client, product: Product, how: str
) -> None:
    note = published(product)
    made = Manifest.objects.get(note=note)
    document, seal = dict(made.document), made.seal
    content = picture()
    match how:
        case "changed":
            document["title"] = "Organic and proven"
        case "without a seal":
            seal = ""
        case "another's seal":
            seal = sealing.seal({"title": "Something else"})
        case _:
            content = picture(seed=5)
    forged = aigc.write(
        content, told={}, ai_use="none", manifest={"document": document, "seal": seal}
    )
    before = Media.objects.count()
    file = SimpleUploadedFile("a.jpg", forged, content_type="image/jpeg")

    answer = client.post(
        "/api/v1/media",
        {"file": file},
        headers={"Authorization": f"Bearer {token_of(note.author)}"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "media_manifest_forged")
    assert Media.objects.count() == before


def test_what_is_no_manifest_of_ours_does_no_harm(product: Product) -> None:
    author = product.brand.members.get().user
    xmp = b"<redshop:Manifest>no JSON</redshop:Manifest>"

    assert upload(author, picture(seed=3, xmp=xmp)).manifest == {}


def test_a_seal_holds_while_keys_are_changed(settings: Any) -> None:
    seal = sealing.seal({"a": 1})
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key"
    assert sealing.is_intact({"a": 1}, seal)
    assert not sealing.is_intact({"a": 2}, seal)
    settings.SECRET_KEY_FALLBACKS = []
    assert not sealing.is_intact({"a": 1}, seal)


def test_anybody_reads_the_manifest_of_a_published_note(product: Product, api: ApiClient) -> None:
    note = published(product)
    told = api.get(f"/notes/{note.pk}/manifest").json()

    assert (told["is_intact"], told["is_of_this_text"]) == (True, True)
    assert {each["label"] for each in told["document"]["assertions"]} == {
        "c2pa.actions",
        "c2pa.hash.data",
        "c2pa.soft-binding",
        "redshop.brief",
        "redshop.note",
        "redshop.prompt",
    }
    handles = [user.handle for user in get_user_model().objects.all()]
    assert not [handle for handle in handles if handle in str(told)]

    Note.objects.filter(pk=note.pk).update(body="Other words.")
    assert api.get(f"/notes/{note.pk}/manifest").json()["is_of_this_text"] is False


def test_other_notes_have_one_of_what_is_known(api: ApiClient) -> None:
    note = NoteFactory.create(ai_use="assisted")
    told = api.get(f"/notes/{note.pk}/manifest").json()
    labels = {each["label"]: each["data"] for each in told["document"]["assertions"]}

    assert labels["redshop.note"]["ai"] == "assisted"
    assert [each["action"] for each in labels["c2pa.actions"]["actions"]] == [
        "c2pa.created",
        "c2pa.published",
    ]
    draft = NoteFactory.create(state="draft")
    assert api.get(f"/notes/{draft.pk}/manifest").status_code == 404
