"""Stock in the admin: its history is read there, and it moves by deliveries and counts."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client

from redshop.accounts.models import User
from redshop.catalog.factories import SkuFactory, StockMovementFactory
from redshop.catalog.models import Sku, StockMovement
from redshop.catalog.services import stock
from tests.catalog.test_movements import NOW, ORDER, moved
from tests.query_counts import assert_query_count

pytestmark = pytest.mark.django_db

MOVEMENTS = "/admin/catalog/stockmovement/"


@pytest.fixture
def root() -> User:
    user: User = User.objects.create_superuser("root", "root@example.com", "pw")
    return user


@pytest.fixture
def admin(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def shown(client: Client, path: str) -> list[StockMovement]:
    return list(client.get(path).context["cl"].result_list)


def hold(sku: Sku, *, reference: UUID = ORDER) -> None:
    with transaction.atomic():
        stock.reserve({sku.pk: 1}, reference=reference, at=NOW)


def press(client: Client, sku: Sku, button: str, **form: str) -> str:
    """Answer the dialog of a button on a SKU's page; return the page that it leads to."""
    address = f"/admin/catalog/sku/{sku.pk}/{button}/"
    answer = client.post(address, {**form, "_form_submitted": "True"}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_longer_history_takes_no_more_queries(admin: Client) -> None:
    def ask(rows: int) -> Callable[[], Callable[[], object]]:
        def prepare() -> Callable[[], object]:
            for _ in range(rows):
                hold(StockMovementFactory.create().sku)
            return lambda: admin.get(MOVEMENTS)

        return prepare

    assert_query_count("admin catalog/stockmovement", ask(2), ask(6))


def test_the_page_of_a_sku_takes_no_more_queries_however_often_it_moved(
    admin: Client, root: User
) -> None:
    ContentType.objects.get_for_model(Sku)  # kept from the first page on

    def ask(rows: int) -> Callable[[], Callable[[], object]]:
        def prepare() -> Callable[[], object]:
            sku = SkuFactory.create(on_hand=50)
            for number in range(rows):
                hold(sku)
                stock.count(sku_id=sku.pk, units=40 + number, by_id=root.pk, at=NOW)
            return lambda: admin.get(f"/admin/catalog/sku/{sku.pk}/change/")

        return prepare

    assert_query_count("admin catalog/sku page", ask(1), ask(12))


def test_the_newest_movement_comes_first(admin: Client) -> None:
    sku = SkuFactory.create(on_hand=9)
    hold(sku)

    assert [row.kind for row in shown(admin, MOVEMENTS)] == ["reserved", "opening"]
    page = admin.get(f"/admin/catalog/sku/{sku.pk}/change/").content.decode()
    assert page.index("Reserved") < page.index("Opening")


def test_a_movement_is_found_by_code_product_kind_and_reference(admin: Client) -> None:
    lip, tea = SkuFactory.create(code="LIP-1"), SkuFactory.create(code="TEA-1")
    other = UUID(int=ORDER.int + 1)
    hold(lip)
    hold(tea, reference=other)

    def found(query: str) -> list[tuple[str, str]]:
        return [(row.sku.code, row.kind) for row in shown(admin, f"{MOVEMENTS}?{query}")]

    assert found("q=lip") == [("LIP-1", "reserved"), ("LIP-1", "opening")]
    assert len(found(f"q={tea.product.name.split()[0]}")) == 2
    assert found(f"q={ORDER}") == [("LIP-1", "reserved")]
    assert found(f"q={other}") == [("TEA-1", "reserved")]
    assert found("q=1") == []
    assert found("kind__exact=opening") == [("TEA-1", "opening"), ("LIP-1", "opening")]
    assert found(f"sku__id__exact={tea.pk}") == [("TEA-1", "reserved"), ("TEA-1", "opening")]
    assert found("at_from_0=2020-01-01&at_to_0=2020-01-02") == []


def test_movements_are_only_looked_at(admin: Client) -> None:
    movement = StockMovementFactory.create()

    page = admin.get(f"{MOVEMENTS}{movement.pk}/change/")

    assert page.status_code == 200
    assert "_save" not in page.content.decode()
    assert admin.get(f"{MOVEMENTS}add/").status_code == 403
    assert admin.post(f"{MOVEMENTS}{movement.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_count_is_written_with_who_counted_and_why(admin: Client, root: User) -> None:
    sku = SkuFactory.create(on_hand=9)

    page = press(admin, sku, "count", units="7", reason="two were broken")

    assert "7 counted, 2 fewer than was known." in page
    row = StockMovement.objects.latest("pk")
    assert (row.kind, row.on_hand, row.by, row.reason) == ("counted", -2, root, "two were broken")
    assert "by root: two were broken" in page


def test_a_count_that_agrees_says_so(admin: Client) -> None:
    sku = SkuFactory.create(on_hand=9)

    assert "9 counted, as was known." in press(admin, sku, "count", units="9")
    assert moved(sku) == [("opening", 9, 0)]


def test_a_count_below_what_orders_hold_is_refused_with_the_reason(admin: Client) -> None:
    sku = SkuFactory.create(on_hand=9, reserved=5)

    page = press(admin, sku, "count", units="4")

    assert "Placed orders hold more units than were counted" in page
    sku.refresh_from_db()
    assert (sku.on_hand, sku.reserved) == (9, 5)
    assert moved(sku) == [("opening", 9, 5)]


@pytest.mark.parametrize("units", ["-1", "", "many", "1000001"])
def test_what_is_no_number_of_units_is_not_counted(admin: Client, units: str) -> None:
    sku = SkuFactory.create(on_hand=9)

    press(admin, sku, "count", units=units)

    assert moved(sku) == [("opening", 9, 0)]


def test_a_delivery_is_written_with_who_took_it(admin: Client, root: User) -> None:
    sku = SkuFactory.create(on_hand=9)

    page = press(admin, sku, "restock", quantity="20", reason="pallet 7")

    assert "20 units added." in page
    row = StockMovement.objects.latest("pk")
    assert (row.kind, row.on_hand, row.by, row.reason) == ("received", 20, root, "pallet 7")


def test_a_sku_with_a_history_is_not_deleted_but_the_page_says_why(admin: Client) -> None:
    sku = SkuFactory.create(on_hand=9)

    page = admin.get(f"/admin/catalog/sku/{sku.pk}/delete/").content.decode()
    admin.post(f"/admin/catalog/sku/{sku.pk}/delete/", {"post": "yes"})

    assert "stock movement" in page.lower()
    assert Sku.objects.filter(pk=sku.pk).exists()


def test_who_may_not_change_skus_may_not_count_them() -> None:
    sku = SkuFactory.create(on_hand=9)
    client = Client()
    client.force_login(
        User.objects.create(handle="clerk", email="clerk@example.com", is_staff=True)
    )

    answer = client.post(
        f"/admin/catalog/sku/{sku.pk}/count/", {"units": "5", "_form_submitted": "True"}
    )

    assert answer.status_code == 403
    assert moved(sku) == [("opening", 9, 0)]
