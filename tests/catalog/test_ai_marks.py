"""What AI made says so in its own file, when it comes and when it goes."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from PIL import Image

from notes.models import Note
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog.models import Media
from redshop.catalog.services import labels, media, videos
from redshop.core import aigc, outbox
from tests.api import ApiClient
from tests.catalog.test_media import film
from tests.conftest import token_of

pytestmark = pytest.mark.django_db

MARK = aigc.mark(producer="a model", produce_id="7", propagator="", propagate_id="")


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def author() -> User:
    return UserFactory.create()


def picture(kind: str = "JPEG") -> bytes:
    out, mode = io.BytesIO(), "RGBA" if kind == "WEBP" else "RGB"
    Image.effect_noise((80, 60), 90).convert(mode).save(out, kind, quality=82)
    return out.getvalue()


def upload(author: User, content: bytes) -> Media:
    file = SimpleUploadedFile("a", content, content_type="")
    return media.store(owner_id=author.pk, upload=file, at=timezone.now())


def drain() -> None:
    while not outbox.drain(at=timezone.now()).is_empty:
        pass


def files_of(kept: Media) -> dict[str, bytes]:
    found = {}
    for name, form in kept.renditions.items():
        with default_storage.open(form["file"]) as file:
            found[name] = file.read()
    return found


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_mark_is_read_as_it_was_written(kind: str) -> None:
    marked = aigc.write(picture(kind), told=MARK, ai_use="generated")

    assert aigc.read(io.BytesIO(marked)) == MARK
    assert aigc.read(io.BytesIO(picture(kind))) == {}
    with Image.open(io.BytesIO(marked)) as opened:
        assert (opened.size, opened.format) == ((80, 60), kind)
        assert b"trainedAlgorithmicMedia" in opened.info["xmp"]


def test_a_jpeg_keeps_every_pixel() -> None:
    before = picture()
    after = aigc.write(before, told=MARK, ai_use="assisted")

    with Image.open(io.BytesIO(before)) as one, Image.open(io.BytesIO(after)) as other:
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("xmp", "label"),
    [
        (b"<x xmlns:T='u'><T:AIGC>{&quot;Label&quot;: &quot;1&quot;}</T:AIGC></x>", "1"),
        (b"<T:AIGC>no JSON</T:AIGC>", "2"),
        (b'<d TC260:AIGC="{&quot;Label&quot;:&quot;3&quot;}"/>', "3"),
        (b'<d TC260:AIGC="[1]"/>', "2"),
        (b"DigitalSourceType=&quot;.../trainedAlgorithmicMedia&quot;", "1"),
        (b"<x>nothing of the kind</x>", None),
        (b"\xff\xfe\x00", None),
    ],
)
def test_whatever_says_so_is_a_label(xmp: bytes, label: str | None) -> None:
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "JPEG", xmp=xmp)

    assert aigc.read(out).get("Label") == label


def test_what_says_that_ai_made_it_is_not_published_without_the_label(author: User) -> None:
    kept = upload(author, aigc.write(picture(), told=MARK, ai_use="generated"))
    assert kept.aigc == MARK
    assert aigc.read(io.BytesIO(files_of(kept)["full"])) == {}  # nothing is kept but what is known
    api = ApiClient(token=token_of(author))
    draft = api.post("/notes", {"type": "image", "title": "A lake", "media_ids": [kept.pk]}).json()

    refused = api.post(f"/notes/{draft['id']}/publish")
    assert (refused.status_code, refused.json()["code"]) == (422, "ai_label_required")
    api.patch(f"/notes/{draft['id']}", {"ai_use": "generated"})
    assert api.post(f"/notes/{draft['id']}/publish").json()["provenance"]["ai"] == "generated"


def test_pictures_of_a_labelled_note_say_so_in_their_files(author: User, tmp_path: Path) -> None:
    kept, film_free = upload(author, picture()), upload(author, picture("WEBP"))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    api = ApiClient(token=token_of(author))
    draft = api.post(
        "/notes",
        {"type": "image", "title": "A lake", "media_ids": [kept.pk, film_free.pk]},
    ).json()
    api.post(f"/notes/{draft['id']}/publish")
    drain()
    assert Media.objects.get(pk=kept.pk).aigc == {}

    api.patch(f"/notes/{draft['id']}", {"ai_use": "assisted"})
    drain()

    for pk in (kept.pk, film_free.pk):
        marked = Media.objects.get(pk=pk)
        assert marked.aigc["PropagateID"] == f"note-{draft['id']}"
        for content in files_of(marked).values():
            assert aigc.read(io.BytesIO(content)) == marked.aigc
            assert b"compositeWithTrainedAlgorithmicMedia" in content
    assert not {path for path in before if path.exists()}  # the unmarked files are gone
    assert json.loads(json.dumps(marked.aigc))["Label"] == "1"
    assert Note.objects.get(pk=draft["id"]).ai_use == "assisted"
    drain()
    again = api.patch(f"/notes/{draft['id']}", {"title": "Another lake"})
    drain()
    assert again.status_code == 200
    assert (
        Media.objects.get(pk=kept.pk).file.name
        == again.json()["media"][0]["sizes"]["full"]["url"].split("/media/")[1]
    )


def of_film(content: bytes, told: dict[str, str]) -> bytes:
    with videos.marked(io.BytesIO(content), told=told, ai_use="generated") as made:
        return bytes(made.read())


def mark_of(content: bytes) -> Mapping[str, str]:
    found = videos.cleaned(io.BytesIO(content))
    found.file.close()
    return found.aigc


def test_a_film_bears_the_mark_behind_all_else() -> None:
    before = film()
    after = of_film(before, MARK)

    assert after.startswith(before)  # every offset in it stays true
    assert mark_of(after) == MARK
    assert mark_of(before) == {}
    again = of_film(after, {**MARK, "ProduceID": "another"})
    assert mark_of(again)["ProduceID"] == "another"
    assert again.count(b"TC260:AIGC>") == 2  # one element: what stood there before is gone


def test_a_film_whose_last_box_only_goes_on_is_closed_first() -> None:
    endless = film() + bytes(4) + b"mdat" + b"more of it"
    after = of_film(endless, MARK)

    assert mark_of(after) == MARK
    assert b"more of it" in after


def test_what_is_kept_of_an_uploaded_film_bears_no_mark_and_its_note_needs_the_label(
    author: User,
) -> None:
    file = SimpleUploadedFile("a.mp4", of_film(film(), MARK), content_type="video/mp4")
    kept = media.store(owner_id=author.pk, upload=file, at=timezone.now())
    assert kept.aigc == MARK
    with default_storage.open(str(kept.file.name)) as content:
        assert b"TC260" not in content.read()


def test_films_of_a_labelled_note_say_so_in_their_files(author: User) -> None:
    file = SimpleUploadedFile("a.mp4", film(), content_type="video/mp4")
    kept = media.store(owner_id=author.pk, upload=file, at=timezone.now())
    with transaction.atomic():
        done = labels.label(
            media_ids=[kept.pk],
            producer="somebody",
            note_id=7,
            ai_use="assisted",
            at=timezone.now(),
        )
    kept.refresh_from_db()

    assert done == 1
    assert kept.aigc["PropagateID"] == "note-7"
    with default_storage.open(str(kept.file.name)) as content:
        assert mark_of(content.read()) == kept.aigc
