"""Coupons and rules in the admin: made and edited there, and what makes no sense is said there."""

from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from orders import factories
from orders.admin.prices import standing_of
from orders.models import Coupon, DutyRate, ShippingRate
from redshop.accounts.models import User
from redshop.catalog.factories import BrandFactory, MerchantFactory, SkuFactory

pytestmark = pytest.mark.django_db

COUPON: Final = {
    "code": "SPRING",
    "is_active": "on",
    "percent_basis_points": "2000",
    "currency": "CNY",
    "minimum_minor": "0",
    "most_uses_per_person": "1",
    "valid_from_0": "2026-01-01",
    "valid_from_1": "00:00",
    "funded_by": "platform",
}


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "pw"))
    return client


def said(client: Client, model: str, body: dict[str, Any]) -> list[str]:
    """Add a row in the admin; return what the form complains about."""
    answer = client.post(f"/admin/orders/{model}/add/", body)
    if answer.status_code == 302:
        return []
    errors: dict[str, list[str]] = answer.context["adminform"].form.errors
    return [message for messages in errors.values() for message in messages]


def test_a_coupon_is_made_in_the_admin(admin: Client) -> None:
    assert said(admin, "coupon", COUPON) == []

    coupon = Coupon.objects.get()
    assert (coupon.code, coupon.percent_basis_points, coupon.used) == ("SPRING", 2_000, 0)
    assert standing_of(coupon) == "taken"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"amount_minor": "100"}, "Give a percentage up to 10000, or an amount; not both."),
        ({"code": "two words"}, "A code is of letters, digits, - and _."),
        ({"code": "welcome"}, "There is a coupon with this code."),
        ({"funded_by": "brand"}, "A brand is named where it funds the coupon, only there."),
        (
            {"valid_until_0": "2025-01-01", "valid_until_1": "00:00"},
            "It would end before it begins.",
        ),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused_in_words(
    changed: dict[str, str], complaint: str, admin: Client
) -> None:
    factories.CouponFactory.create(code="WELCOME")

    assert said(admin, "coupon", {**COUPON, **changed}) == [complaint]
    assert Coupon.objects.count() == 1


def test_rules_are_made_in_the_admin_and_never_twice(admin: Client) -> None:
    merchant = MerchantFactory.create()
    rate = {
        "merchant": merchant.pk,
        "country": "IT",
        "currency": "CNY",
        "fee_minor": "900",
        "days_least": "3",
        "days_most": "6",
    }
    duty = {"country": "IT", "basis_points": "2200", "source": "assumed"}

    assert said(admin, "shippingrate", rate) == []
    assert said(admin, "shippingrate", rate) == ["There is a rate for exactly this."]
    assert said(admin, "dutyrate", duty) == []
    assert said(admin, "dutyrate", duty) == ["There is a rate for exactly this."]
    assert said(admin, "dutyrate", {**duty, "country": "FR", "source": "published"}) == [
        "Say who published it, and when."
    ]
    assert ShippingRate.objects.get(country="IT").merchant == merchant
    assert DutyRate.objects.get(country="IT").basis_points == 2_200


def test_the_lists_tell_in_words(admin: Client, person: User) -> None:
    brand = BrandFactory.create(name="Casa Ulivo")
    coupon = factories.CouponFactory.create(
        code="OLIVE", funded_by="brand", brand=brand, most_uses=5, minimum_minor=100
    )
    factories.placed(person, SkuFactory.create(product__brand=brand), coupon="olive")
    factories.DutyRateFactory.create(category_slug="nowhere")

    coupons = admin.get("/admin/orders/coupon/?q=oli").content.decode()
    uses = admin.get(f"/admin/orders/couponuse/?q={coupon.code}").content.decode()
    rates = admin.get("/admin/orders/shippingrate/").content.decode()
    duties = admin.get("/admin/orders/dutyrate/").content.decode()

    for text in ("OLIVE", "Casa Ulivo", "1 of 5", "1.00 CNY"):
        assert text in coupons
    assert "12.90 CNY" in uses
    for text in ("Everybody", "Everywhere else", "free (any currency)", "30.00 CNY", "500.00 CNY"):
        assert text in rates
    for text in ("Everything else", "nowhere (not there)", "Caiguanshui [2016] No. 18"):
        assert text in duties


def test_the_standing_of_a_coupon_is_told_in_a_word() -> None:
    now, day = timezone.now(), timedelta(days=1)
    told: dict[str, dict[str, Any]] = {
        "taken": {},
        "off": {"is_active": False},
        "not yet": {"valid_from": now + day},
        "expired": {"valid_until": now},
        "used up": {"most_uses": 0},
    }

    assert {standing_of(factories.CouponFactory.create(**terms)) for terms in told.values()} == {
        *told
    }


def test_the_page_of_an_order_tells_what_its_price_is_made_of(admin: Client, person: User) -> None:
    sku = SkuFactory.create(
        price_minor=10_000, product__brand__merchant=MerchantFactory.create(country="IT")
    )
    coupon = factories.CouponFactory.create(code="TWENTY", percent_basis_points=2_000)
    order = factories.paid(person, sku, coupon=coupon.code)
    factories.refund(order)

    page = admin.get(f"/admin/orders/order/{order.pk}/change/").content.decode()

    for text in ("-20.00 CNY by TWENTY", "30.00 CNY, given back", "7–21 days, cross-border"):
        assert text in page
    for text in ("100.00 CNY", "80.00 CNY", "7.28 CNY", "117.28 CNY", "7.28 CNY, 30.00 CNY"):
        assert text in page


def test_who_may_only_look_edits_no_coupon(admin: Client) -> None:
    clerk = User.objects.create_user("clerk", "clerk@example.com", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_coupon"))
    admin.force_login(clerk)

    assert admin.get("/admin/orders/coupon/").status_code == 200
    assert admin.post("/admin/orders/coupon/add/", COUPON).status_code == 403
    assert not Coupon.objects.exists()
