"""Orders in the admin: their whole story, and only the moves that are legal."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from orders import factories
from orders.factories import PACE
from orders.models import Order, Refund
from orders.moves import MOVES, open_moves
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from redshop.catalog.factories import BrandFactory, SkuFactory
from tests.orders.world import levels, standing
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db

LOOKED_AT = [
    "order",
    "cartitem",
    "payment",
    "refund",
    "return",
    "shipment",
    "couponuse",
    "repayment",
    "webhookdelivery",
]
EDITED = ["coupon", "shippingrate", "dutyrate"]


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "pw"))
    return client


def page_of(order: Order) -> str:
    return f"/admin/orders/order/{order.pk}/change/"


def press(client: Client, order: Order, move: str, words: str = "") -> list[str]:
    """Press a button on the order's page and answer its question; return what is said then."""
    address = f"/admin/orders/order/{order.pk}/{move.replace('_', '-')}/"
    answer = client.post(address, {"_form_submitted": "1", "words": words}, follow=True)
    return [str(message) for message in answer.context["messages"]]


def a_life(buyer: User) -> None:
    """Leave something in every list."""
    factories.CartItemFactory.create(person=UserFactory.create())
    factories.declined(order := factories.placed(buyer))
    factories.cancelled(buyer)
    order = factories.delivered(buyer, *SkuFactory.create_batch(2))
    factories.refund(order, restock=True)
    coupon = factories.CouponFactory.create(brand=BrandFactory.create(), funded_by="brand")
    factories.placed(buyer, SkuFactory.create(product__brand=coupon.brand), coupon=coupon.code)
    factories.ShippingRateFactory.create()
    factories.DutyRateFactory.create(category_slug=f"shelf-{coupon.pk}")
    factories.WebhookDeliveryFactory.create()
    order = factories.delivered(buyer, *SkuFactory.create_batch(2))
    factories.sent_back(factories.approved(factories.asked_back(order)))


@pytest.mark.parametrize("model", [*LOOKED_AT, *EDITED])
def test_each_list_takes_the_same_queries_at_any_size(
    model: str, admin: Client, person: User
) -> None:
    def prepare(times: int) -> Callable[[], object]:
        for _ in range(times):
            a_life(person)
        return lambda: admin.get(f"/admin/orders/{model}/")

    assert_query_count(f"admin orders/{model}", lambda: prepare(1), lambda: prepare(2))


def test_the_page_of_an_order_takes_the_same_queries_at_any_size(
    admin: Client, person: User
) -> None:
    def prepare(lines: int) -> Callable[[], object]:
        order = factories.delivered(person, *SkuFactory.create_batch(lines), quantity=2)
        for line in order.lines.all():
            factories.refund(order, quantities={line.pk: 1})
            units = {line.pk: 1}
            back = factories.asked_back(order, quantities=units, at=order.placed_at + PACE * 4)
            factories.sent_back(factories.approved(back))
        paid = order.payments.get()
        factories.WebhookDeliveryFactory.create_batch(lines, payment=paid, result="known")
        admin.get(page_of(order))  # this process now knows the content types
        return lambda: admin.get(page_of(order))

    assert_query_count("admin orders/order page", lambda: prepare(1), lambda: prepare(3))


def test_the_page_of_an_order_tells_what_companies_said_and_sent_back(
    admin: Client, person: User
) -> None:
    order = factories.paid(person)
    payment = order.payments.get()
    told = factories.WebhookDeliveryFactory.create(payment=payment, result="known")
    factories.refund(order)
    back = payment.repayments.get()

    page = admin.get(page_of(order)).content.decode()

    assert f"{told.kind}: {told.get_result_display()}" in page
    assert f"/admin/orders/webhookdelivery/{told.pk}/change/" in page
    assert f"{back.amount} succeeded" in page
    assert f"/admin/orders/repayment/{back.pk}/change/" in page


def test_the_page_of_an_order_tells_its_whole_story(admin: Client, person: User) -> None:
    sku = SkuFactory.create(code="LIP-RED", price_minor=12_900)
    order = factories.placed(person, sku)
    factories.declined(order)
    press(admin, order, "pay")
    press(admin, order, "ship", words="SF777")
    press(admin, order, "deliver")
    press(admin, order, "refund", words="broken glass")

    page = admin.get(page_of(order)).content.decode()

    told = [
        order.number,
        "LIP-RED",
        "129.00 CNY",
        "card_declined",
        "succeeded",
        "placed to paid",
        "shipped to delivered",
        "SF777: 1 of LIP-RED, delivered",
        "broken glass",
        "南京东路 1 号" if order.address["country"] == "CN" else "Via Roma 12",
    ]
    assert [words for words in told if words not in page] == []


@pytest.mark.parametrize(
    ("make", "legal"),
    [
        (factories.placed, {"pay", "cancel"}),
        (factories.paid, {"ship", "cancel", "refund", "refund_and_restock"}),
        (factories.shipped, {"deliver", "refund", "refund_and_restock"}),
        (factories.delivered, {"complete", "refund", "refund_and_restock"}),
        (factories.completed, {"refund", "refund_and_restock"}),
        (factories.cancelled, set()),
    ],
)
def test_an_order_offers_the_legal_moves_only(
    make: Callable[[User], Order], legal: set[str], admin: Client, person: User
) -> None:
    order = make(person)

    page = admin.get(page_of(order)).content.decode()

    offered = {name for name in MOVES if f"/{order.pk}/{name.replace('_', '-')}/" in page}
    assert open_moves(order) == legal
    assert offered == legal


def test_each_button_does_what_it_says(admin: Client, person: User) -> None:
    sku = SkuFactory.create(on_hand=10)
    order = factories.placed(person, sku)

    assert press(admin, order, "pay") == ["1 order paid."]
    assert press(admin, order, "ship") == ["1 order shipped."]
    assert press(admin, order, "deliver") == ["1 order delivered."]
    assert press(admin, order, "complete") == ["1 order completed."]
    assert press(admin, order, "refund_and_restock", "returned") == ["1 order refunded."]

    assert standing(order) == ("completed", "refunded", 12_900)
    assert levels(sku) == (10, 0)
    assert Refund.objects.get().reason == "returned"


def test_a_refusal_is_said_and_changes_nothing(admin: Client, person: User) -> None:
    order = factories.placed(person)

    said = press(admin, order, "ship")

    assert said == [f"{order.number}: The order's present state does not allow this."]
    assert standing(order) == ("placed", "none", 0)


def test_opening_the_question_changes_nothing(admin: Client, person: User) -> None:
    order = factories.placed(person)

    answer = admin.get(f"/admin/orders/order/{order.pk}/cancel/")

    assert answer.status_code == 200
    assert standing(order) == ("placed", "none", 0)


def test_many_orders_are_moved_at_once_and_refusals_are_told_apart(
    admin: Client, person: User
) -> None:
    payable, cancelled = factories.placed(person), factories.cancelled(person)
    body = {"action": "pay", "_selected_action": [str(payable.pk), str(cancelled.pk)]}

    answer = admin.post("/admin/orders/order/", body, follow=True)

    assert sorted(str(message) for message in answer.context["messages"]) == [
        "1 order paid.",
        f"{cancelled.number}: The order's present state does not allow this.",
    ]
    assert standing(payable) == ("paid", "paid", 0)
    assert standing(cancelled) == ("cancelled", "none", 0)


def test_who_may_only_look_can_move_nothing(person: User) -> None:
    order = factories.placed(person)
    looker = UserFactory.create(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_order"))
    client = Client()
    client.force_login(looker)

    page = client.get(page_of(order))
    pressed = client.post(f"/admin/orders/order/{order.pk}/pay/", {"_form_submitted": "1"})
    client.post("/admin/orders/order/", {"action": "pay", "_selected_action": [str(order.pk)]})

    assert page.status_code == 200
    assert f"/{order.pk}/pay/" not in page.content.decode()
    assert pressed.status_code == 403
    assert standing(order) == ("placed", "none", 0)


@pytest.mark.parametrize("query", ["RS-", "ordin", "ORDIN"])
def test_orders_are_found_by_number_and_by_buyer(query: str, admin: Client, person: User) -> None:
    order = factories.placed(person)

    found = admin.get("/admin/orders/order/", {"q": query}).content.decode()
    missed = admin.get("/admin/orders/order/", {"q": "zzz"}).content.decode()

    assert order.number in found
    assert order.number not in missed


@pytest.mark.parametrize("model", LOOKED_AT)
def test_nothing_is_added_or_deleted_by_hand(model: str, admin: Client) -> None:
    assert admin.get(f"/admin/orders/{model}/add/").status_code == 403
