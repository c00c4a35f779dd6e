"""Every look of the staff at personal data leaves a line."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from orders import lives
from redshop.accounts.factories import AccessRecordFactory, UserFactory
from redshop.accounts.models import AccessRecord, User
from redshop.accounts.services import access

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(admin_user: User, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def looks() -> list[tuple[Any, ...]]:
    rows = AccessRecord.objects.order_by("pk")
    return list(rows.values_list("staff__handle", "subject", "person__handle"))


def test_a_page_of_somebody_and_a_list_of_many_are_recorded(
    staff: Client, admin_user: User
) -> None:
    person = UserFactory.create(handle="looked_at")

    staff.get(f"/admin/accounts/user/{person.pk}/change/")
    staff.get("/admin/accounts/user/?q=looked")

    assert looks() == [
        (admin_user.handle, "accounts.User", "looked_at"),
        (admin_user.handle, "accounts.User", None),
    ]
    assert AccessRecord.objects.latest("pk").page == "/admin/accounts/user/"


def test_an_order_is_its_buyers(staff: Client, admin_user: User) -> None:
    order = lives.placed(UserFactory.create(handle="a_buyer"))

    staff.get(f"/admin/orders/order/{order.pk}/change/")

    assert looks() == [(admin_user.handle, "orders.Order", "a_buyer")]


def test_what_is_nobodys_and_who_is_turned_away_leave_no_line(
    staff: Client, client: Client
) -> None:
    staff.get("/admin/catalog/brand/")
    staff.get("/admin/accounts/user/999999/change/")
    Client().get("/admin/accounts/user/")
    ordinary = Client()
    ordinary.force_login(UserFactory.create())
    ordinary.get("/admin/accounts/user/")

    assert looks() == []


def test_a_line_cannot_be_changed_and_goes_after_two_years() -> None:
    record = AccessRecordFactory.create(at=timezone.now() - timedelta(days=731))
    kept = AccessRecordFactory.create()

    with pytest.raises(DatabaseError), transaction.atomic():
        AccessRecord.objects.filter(pk=record.pk).update(page="/admin/")
    access.forget_old(at=timezone.now())

    assert list(AccessRecord.objects.all()) == [kept]
