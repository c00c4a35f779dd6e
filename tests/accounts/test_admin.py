"""People are made and looked after in the admin, by those who may enter it."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from redshop.accounts.factories import (
    PASSWORD,
    AccessTokenFactory,
    BlockFactory,
    ConsentFactory,
    FollowFactory,
    NotificationFactory,
    PreferenceFactory,
    UserFactory,
)
from redshop.accounts.models import AccessToken, Consent, Preference, User
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db

LISTS = ["user", "accesstoken", "follow", "block", "notification"]


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def admin() -> Client:
    return entered(User.objects.create_superuser("root", "root@example.com", "pw"))


def entered(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def fields_of(response: Any) -> dict[str, Any]:
    """Return what a browser would send back from the change page, unchanged."""
    form = response.context["adminform"].form
    sent = {name: form[name].value() for name in form.fields if name not in {"avatar", "password"}}
    for inline in response.context["inline_admin_formsets"]:
        management = inline.formset.management_form
        sent |= {management[name].html_name: management[name].value() for name in management.fields}
        for row in inline.formset.forms:
            sent |= {row[name].html_name: row[name].value() for name in row.fields}
    return {name: value for name, value in sent.items() if value not in (None, False)}


@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/accounts/user/", "/admin/accounts/user/add/"]
)
def test_an_ordinary_person_gets_no_admin(address: str, person: User) -> None:
    for flags in ({}, {"is_analyst": True, "is_moderator": True}):
        User.objects.filter(pk=person.pk).update(**flags)

        response = entered(person).get(address)

        assert response.status_code == 302
        assert response["Location"] == f"/admin/login/?next={address}"


def test_an_administrator_logs_in_whatever_the_case_of_the_handle() -> None:
    User.objects.create_superuser("root", "root@example.com", "pw")
    client = Client()

    response = client.post("/admin/login/?next=/admin/", {"username": "ROOT", "password": "pw"})

    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_a_person_made_by_hand_can_log_in_and_has_what_everybody_has(admin: Client) -> None:
    body = {
        "handle": "linna",
        "email": "linna@example.com",
        "display_name": "林娜",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }

    response = admin.post("/admin/accounts/user/add/", body)

    made = User.objects.get(handle="linna")
    assert response.status_code == 302
    assert made.check_password(PASSWORD)
    assert made.display_name == "林娜"
    assert Preference.objects.filter(user=made).exists()
    assert Consent.objects.filter(user=made).count() == 3


def test_a_handle_that_is_taken_is_an_error_on_the_page(admin: Client) -> None:
    UserFactory.create(handle="linna")
    body = {
        "handle": "LINNA",
        "email": "other@example.com",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }

    response = admin.post("/admin/accounts/user/add/", body)

    assert response.status_code == 200
    assert response.context["adminform"].form.errors
    assert User.objects.count() == 2


def test_roles_and_a_face_are_given_on_one_page(admin: Client) -> None:
    linna: User = UserFactory.create(handle="linna")
    PreferenceFactory.create(user=linna)
    ConsentFactory.create(user=linna)
    page = f"/admin/accounts/user/{linna.pk}/change/"
    file = io.BytesIO()
    Image.new("RGB", (900, 600)).save(file, "PNG")
    face = SimpleUploadedFile("face.png", file.getvalue(), content_type="image/png")

    sent = {**fields_of(admin.get(page)), "is_analyst": "on", "avatar": face}
    response = admin.post(page, sent)

    linna.refresh_from_db()
    assert response.status_code == 302
    assert (linna.is_analyst, linna.is_moderator, linna.is_staff) == (True, False, False)
    with Image.open(linna.avatar.path) as kept:
        assert kept.size == (512, 512)


def test_a_bad_face_is_an_error_on_the_page(admin: Client) -> None:
    linna: User = UserFactory.create()
    page = f"/admin/accounts/user/{linna.pk}/change/"
    file = io.BytesIO()
    Image.new("RGB", (90, 60)).save(file, "GIF")
    face = SimpleUploadedFile("face.gif", file.getvalue(), content_type="image/gif")

    response = admin.post(page, {**fields_of(admin.get(page)), "avatar": face})

    assert response.status_code == 200
    assert "avatar" in response.context["adminform"].form.errors
    linna.refresh_from_db()
    assert not linna.avatar


def test_devices_are_logged_out_from_their_list(admin: Client) -> None:
    lost, kept = AccessTokenFactory.create_batch(2)

    admin.post(
        "/admin/accounts/accesstoken/", {"action": "log_out", "_selected_action": [str(lost.pk)]}
    )

    assert list(AccessToken.objects.filter(revoked_at=None)) == [kept]


def test_digests_are_shown_to_nobody(admin: Client) -> None:
    token: AccessToken = AccessTokenFactory.create()

    page = admin.get(f"/admin/accounts/accesstoken/{token.pk}/change/").content.decode()

    assert token.digest not in page


@pytest.mark.parametrize("model", ["accesstoken", "follow", "block", "notification"])
def test_what_people_do_themselves_is_only_looked_at(model: str, admin: Client) -> None:
    assert admin.get(f"/admin/accounts/{model}/add/").status_code == 403


@pytest.mark.parametrize("model", LISTS)
def test_lists_and_searches_take_as_many_queries_for_many_as_for_few(
    model: str, admin: Client
) -> None:
    factories: dict[str, Any] = {
        "user": UserFactory,
        "accesstoken": AccessTokenFactory,
        "follow": FollowFactory,
        "block": BlockFactory,
        "notification": NotificationFactory,
    }

    def sized(count: int) -> Callable[[], Any]:
        factories[model].create_batch(count)
        return lambda: admin.get(f"/admin/accounts/{model}/?q=person")

    assert_query_count(f"admin accounts.{model}", lambda: sized(1), lambda: sized(15))
