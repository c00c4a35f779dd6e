"""A password alone lets nobody of the staff in who has a second factor, or must have one."""

import re
from typing import Any

import pytest
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from redshop.accounts.factories import PASSWORD, UserFactory
from redshop.accounts.models import User
from redshop.accounts.services import second_factor

pytestmark = pytest.mark.django_db

PAGE = "/admin/second-factor"


@pytest.fixture
def staff() -> User:
    return UserFactory.create(handle="keeper", is_staff=True, is_superuser=True)


def logged_in(login: str = "keeper") -> Client:
    client = Client()
    client.post("/admin/login/", {"username": login, "password": PASSWORD, "next": "/admin/"})
    return client


def code_of(user: User, *, steps: int = 0) -> str:
    device = TOTPDevice.objects.get(user=user)
    return f"{totp(device.bin_key, drift=steps):06d}"  # type: ignore[no-untyped-call]


def set_up(user: User, client: Client) -> list[str]:
    client.get(PAGE)
    done = client.post(PAGE, {"code": code_of(user)})
    return re.findall(r"<li>([0-9a-f]{10})</li>", done.content.decode())


def where(client: Client, path: str = "/admin/notes/note/") -> Any:
    answer = client.get(path)
    return answer.headers.get("Location", answer.status_code)


def test_where_it_is_required_staff_set_it_up_before_anything_else(
    staff: User, settings: Any
) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    client = logged_in()

    assert where(client) == f"{PAGE}?next=%2Fadmin%2Fnotes%2Fnote%2F"
    assert b"otpauth://totp/" in client.get(PAGE).content
    wrong = client.post(PAGE, {"code": "000000"})
    assert b"The code is not right" in wrong.content
    assert where(client) != 200
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
    assert len(set_up(staff, client)) == second_factor.SPARE

    assert where(client) == 200


def test_whoever_has_one_shows_it_at_every_login(staff: User) -> None:
    first = logged_in()
    assert where(first) == 200  # it is not required here
    set_up(staff, first)
    TOTPDevice.objects.update(last_t=-1)
    second = logged_in()

    assert where(second).startswith(PAGE)
    led = second.post(PAGE, {"code": code_of(staff), "next": "/admin/notes/note/"})

    assert led.headers["Location"] == "/admin/notes/note/"
    assert where(second) == 200


def test_a_code_opens_once_and_a_spare_one_too(staff: User) -> None:
    spare = set_up(staff, logged_in())

    def opens(code: str) -> bool:
        for devices in (TOTPDevice.objects, StaticDevice.objects):
            devices.update(throttling_failure_count=0, throttling_failure_timestamp=None)
        client = logged_in()
        client.post(PAGE, {"code": code})
        return bool(where(client) == 200)

    assert not opens(code_of(staff))  # setting it up has used it
    assert opens(spare[0])
    assert not opens(spare[0])
    assert StaticToken.objects.count() == second_factor.SPARE - 1


def test_wrong_codes_make_the_next_wait(staff: User) -> None:
    set_up(staff, logged_in())
    TOTPDevice.objects.update(last_t=-1)
    client = logged_in()

    for _ in range(3):
        client.post(PAGE, {"code": "000000"})
    client.post(PAGE, {"code": code_of(staff)})

    assert where(client) != 200


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/api/v1/me"])
def test_it_leads_nowhere_else(staff: User, elsewhere: str) -> None:
    spare = set_up(staff, logged_in())
    client = logged_in()

    led = client.post(PAGE, {"code": spare[0], "next": elsewhere})

    assert led.headers["Location"] == "/admin/"


def test_it_is_the_staffs_alone_and_a_key_is_shown_once_only(staff: User) -> None:
    ordinary = Client()
    ordinary.force_login(UserFactory.create())
    assert ordinary.get(PAGE).status_code == 403
    assert Client().get(PAGE).headers["Location"].startswith("/admin/login/")
    set_up(staff, logged_in())

    page = logged_in().get(PAGE).content

    assert b"otpauth" not in page
    assert TOTPDevice.objects.get().key.encode() not in page


def test_an_administrator_takes_it_away_where_all_is_lost(staff: User) -> None:
    set_up(staff, logged_in())

    second_factor.take_away(staff)

    assert where(logged_in()) == 200


def test_the_admin_shows_no_keys_and_takes_them_away(staff: User, admin_client: Client) -> None:
    set_up(staff, logged_in())

    pages = [f"/admin/otp_{kind}/{kind}device/" for kind in ("totp", "static")]
    assert [admin_client.get(page).status_code for page in pages] == [404, 404]
    admin_client.post(
        "/admin/accounts/user/", {"action": "take_factor_away", "_selected_action": staff.pk}
    )

    assert not TOTPDevice.objects.exists()
