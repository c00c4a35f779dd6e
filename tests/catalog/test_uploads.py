"""Pictures that people send."""

import io
from typing import Any

import pytest
from PIL import Image
from rest_framework.test import APIClient

from redshop.accounts.models import User
from redshop.catalog.models import Media

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    return APIClient()


@pytest.fixture
def person() -> User:
    return User.objects.create(handle="ann", email="ann@example.com")


def a_file(content: bytes | None = None) -> io.BytesIO:
    file = io.BytesIO()
    if content is None:
        Image.new("RGB", (40, 30), "teal").save(file, "PNG")
    else:
        file.write(content)
    file.seek(0)
    file.name = "holiday.png"
    return file


def test_an_upload_belongs_to_its_sender(client: APIClient, person: User) -> None:
    client.force_authenticate(person)

    response = client.post("/api/v1/media", {"file": a_file()}, format="multipart")

    kept = Media.objects.get()
    assert response.status_code == 201
    body = response.json()
    assert (body["id"], body["kind"], body["width"], body["height"]) == (kept.pk, "image", 40, 30)
    assert sorted(body["sizes"]) == ["feed", "full", "thumb"]
    assert kept.owner == person


def test_a_visitor_uploads_nothing(client: APIClient) -> None:
    response = client.post("/api/v1/media", {"file": a_file()}, format="multipart")

    assert response.status_code == 401
    assert not Media.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"file": "text"}, 400, "invalid"),
        ({"file": a_file(b"")}, 400, "invalid"),
        ({"file": a_file(), "owner": "1"}, 400, "unknown_field"),
        ({"file": a_file(b"GIF89a" + bytes(50))}, 415, "unsupported_media_type"),
        ({"file": a_file(b"\xff\xd8\xff" + bytes(50))}, 422, "media_type_mismatch"),
    ],
)
def test_a_bad_upload_is_refused(
    client: APIClient, person: User, body: dict[str, Any], status: int, code: str
) -> None:
    client.force_authenticate(person)

    response = client.post("/api/v1/media", body, format="multipart")

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    assert not Media.objects.exists()


def test_an_upload_that_is_too_large_is_not_even_read(client: APIClient, person: User) -> None:
    client.force_authenticate(person)

    response = client.post(
        "/api/v1/media",
        b"--x\r\n",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(101 * 1024**2),
    )

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "text/plain"])
def test_a_body_that_is_no_form_is_refused(
    client: APIClient, person: User, content_type: str
) -> None:
    client.force_authenticate(person)

    response = client.post("/api/v1/media", b"{}", content_type=content_type)

    assert response.status_code in {400, 415}
    assert not Media.objects.exists()
