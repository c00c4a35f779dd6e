"""What people show of themselves, and to whom."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils import timezone
from PIL import Image

from redshop.accounts import selectors
from redshop.accounts.factories import BlockFactory, FollowFactory, UserFactory
from redshop.accounts.models import User
from redshop.core import outbox
from tests.api import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def _three_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "_notes_of", lambda person_id: 3)


def upload(client: ApiClient, content: bytes, **fields: str) -> Any:
    """Send a file as the avatar, as a browser's form does."""
    file = SimpleUploadedFile("me.jpg", content, content_type="image/jpeg")
    return Client().patch(
        "/api/v1/me",
        encode_multipart(BOUNDARY, {"avatar": file, **fields}),
        content_type=MULTIPART_CONTENT,
        headers={"Authorization": f"Bearer {client.token}"},
    )


def picture(width: int = 900, height: int = 600, image_format: str = "JPEG") -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Spycam"
    Image.new("RGB", (width, height), "#a44a3f").save(file, image_format, exif=exif)
    return file.getvalue()


def pointers(response: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


@pytest.mark.usefixtures("_three_notes")
def test_everybody_sees_the_public_profile_and_nothing_else(api: ApiClient) -> None:
    linna: User = UserFactory.create(handle="linna", display_name="林娜", bio="茶。")
    FollowFactory.create_batch(2, followed=linna)
    FollowFactory.create(follower=linna)

    body = api.get("/users/LINNA").json()

    assert body == {
        "id": linna.pk,
        "handle": "linna",
        "display_name": "林娜",
        "avatar": None,
        "bio": "茶。",
        "joined_at": linna.joined_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "counts": {"followers": 2, "following": 1, "notes": 3},
        "viewer": None,
    }


def test_a_person_sees_how_they_stand_to_another(person: User, person_api: ApiClient) -> None:
    followed, blocked = UserFactory.create_batch(2)
    FollowFactory.create(follower=person, followed=followed)
    BlockFactory.create(blocker=person, blocked=blocked)

    seen = [person_api.get(f"/users/{p.handle}").json()["viewer"] for p in (followed, blocked)]

    assert seen == [{"following": True, "blocked": False}, {"following": False, "blocked": True}]


@pytest.mark.parametrize(
    "handle", ["nobody", "a", "%F0%9F%92%A5", "x" * 200, "lin%20na", "linna%0A"]
)
def test_who_is_not_there_is_not_found(handle: str, api: ApiClient) -> None:
    UserFactory.create(handle="linna")

    response = api.get(f"/users/{handle}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_who_blocked_me_and_who_left_are_not_found(person: User, person_api: ApiClient) -> None:
    hostile: User = BlockFactory.create(blocked=person).blocker
    gone: User = UserFactory.create(is_active=False)

    for handle in (hostile.handle, gone.handle):
        for address in ("", "/followers", "/following"):
            assert person_api.get(f"/users/{handle}{address}").status_code == 404


def test_what_a_client_has_is_not_sent_again(person: User, person_api: ApiClient) -> None:
    linna: User = UserFactory.create(handle="linna")
    for path in ("/users/linna", "/me"):
        first = person_api.get(path)

        again = person_api.get(path, headers={"If-None-Match": f'"other", {first["ETag"]}'})

        assert first["ETag"].startswith('W/"')
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])

    FollowFactory.create(followed=linna)
    tag = person_api.get("/users/linna")["ETag"]
    assert person_api.get("/users/linna", headers={"If-None-Match": tag}).status_code == 304
    assert ApiClient().get("/users/linna", headers={"If-None-Match": tag}).status_code == 200


def test_a_person_sees_what_only_they_may(person: User, person_api: ApiClient) -> None:
    body = person_api.get("/me").json()

    private = {name: body[name] for name in ("email", "gender", "birth_year", "city", "locale")}
    assert private == {
        "email": "ordinary@example.com",
        "gender": "",
        "birth_year": None,
        "city": "",
        "locale": "en",
    }


def test_a_visitor_has_no_profile_of_their_own(api: ApiClient) -> None:
    for method in ("GET", "PATCH"):
        response = api.call(method, "/me", {})

        assert response.status_code == 401
        assert response.json()["code"] == "authentication_required"


def test_a_person_changes_what_they_name_and_nothing_else(
    person: User, person_api: ApiClient
) -> None:
    changes = {
        "display_name": "  Ｏrdinary  ",
        "bio": "Skincare.\nTe\u0301.",
        "gender": "female",
        "birth_year": 1994,
        "locale": "it",
    }

    response = person_api.patch("/me", changes)

    body = response.json()
    assert response.status_code == 200
    assert body["display_name"] == "Ordinary"
    assert body["bio"] == "Skincare.\nT\u00e9."
    assert (body["gender"], body["birth_year"], body["locale"]) == ("female", 1994, "it")
    assert (body["city"], body["handle"]) == ("", "ordinary")
    assert person_api.get("/me").json() == body


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"handle": "queen"}, ("/handle", "unknown_field")),
        ({"is_staff": True}, ("/is_staff", "unknown_field")),
        ({"birth_year": 1492}, ("/birth_year", "min_value")),
        ({"gender": "no"}, ("/gender", "invalid_choice")),
        ({"bio": "x" * 301}, ("/bio", "max_length")),
        ({"bio": "a\u001bb"}, ("/bio", "invalid")),
        ({"display_name": "ﷺ" * 10}, ("/display_name", "max_length")),
        ({"avatar": "a string"}, ("/avatar", "invalid")),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    change: dict[str, Any], expected: tuple[str, str], person_api: ApiClient
) -> None:
    before = person_api.get("/me").json()

    response = person_api.patch("/me", {"city": "Milano", **change})

    assert response.status_code == 400
    assert pointers(response) == [expected]
    assert person_api.get("/me").json() == before


def test_an_avatar_is_cut_square_and_says_nothing_of_the_camera(
    person: User, person_api: ApiClient
) -> None:
    response = upload(person_api, picture(), display_name="Ada")

    person.refresh_from_db()
    with Image.open(person.avatar.path) as kept:
        assert kept.size == (512, 512)
        assert not kept.getexif()
    assert response.status_code == 200
    assert response.json()["display_name"] == "Ada"
    assert response.json()["avatar"] == f"http://testserver{person.avatar.url}"
    assert "me" not in Path(person.avatar.path).stem


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"no picture", 422, "media_unreadable"),
        (b"\xff\xd8\xff damaged", 422, "media_unreadable"),
        (picture(image_format="GIF"), 422, "media_unreadable"),
        (b"\xff\xd8\xff" + b"x" * (5 * 1024**2 + 1), 413, "too_large"),
    ],
    ids=["text", "damaged", "gif", "large"],
)
def test_what_is_no_avatar_is_refused_and_nothing_is_kept(
    content: bytes, status: int, code: str, person: User, person_api: ApiClient, tmp_path: Path
) -> None:
    response = upload(person_api, content, display_name="Ada")

    assert (response.status_code, response.json()["code"]) == (status, code)
    person.refresh_from_db()
    assert (person.avatar.name, person.display_name) == ("", "")
    assert list(tmp_path.rglob("*.*")) == []


def test_a_replaced_avatar_is_deleted_once_nobody_wears_it(
    person: User, person_api: ApiClient
) -> None:
    shared = default_storage.save("avatars/shared.jpg", ContentFile(picture()))
    User.objects.filter(pk=person.pk).update(avatar=shared)
    other: User = UserFactory.create(avatar=shared)

    upload(person_api, picture(600, 900))
    outbox.drain_all(at=timezone.now())
    person.refresh_from_db()
    own = str(person.avatar.name)
    taken_away = person_api.patch("/me", {"avatar": None}).json()["avatar"]
    outbox.drain_all(at=timezone.now())

    assert taken_away is None
    assert default_storage.exists(shared)
    assert other.avatar.name == shared
    assert not default_storage.exists(own)


def test_a_refused_write_leaves_no_file_behind(
    person_api: ApiClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(User, "save", lambda *args, **kwargs: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        upload(person_api, picture())

    assert list(tmp_path.rglob("*.jpg")) == []
