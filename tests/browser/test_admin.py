"""A developer models a shop by hand in the admin, and reads what came of it."""

import io
from typing import Final
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.browser.conftest import Admin
from tests.journeys.system import eventually
from tests.orders.world import ADDRESS as HOME

pytestmark = [pytest.mark.processes, pytest.mark.browser]

PAGES: Final = [
    "/admin/",
    "/admin/?population=simulated",
    "/admin/catalog/product/",
    "/admin/catalog/product/add/",
    "/admin/catalog/sku/",
    "/admin/catalog/stockmovement/",
    "/admin/catalog/brand/add/",
    "/admin/notes/note/",
    "/admin/notes/note/add/",
    "/admin/notes/synonym/",
    "/admin/notes/synonym/add/",
    "/admin/notes/trendinglist/",
    "/admin/notes/searchindex/",
    "/admin/notes/word/",
    "/admin/notes/neighbourrun/",
    "/admin/notes/rankingpolicy/",
    "/admin/notes/rankingpolicy/add/?like=3",
    "/admin/notes/rankingpolicy/3/change/",
    "/admin/notes/rankingpolicy/feed-as/?person=admin&left=ces_folk_v4&right=endless_push_v1",
    "/admin/notes/exposuregrant/",
    "/admin/notes/exposuregrant/who-is-seen/",
    "/admin/notes/learnedmodel/",
    "/admin/orders/order/",
    "/admin/orders/payment/",
    "/admin/orders/repayment/",
    "/admin/orders/refund/",
    "/admin/orders/return/",
    "/admin/orders/shipment/",
    "/admin/orders/webhookdelivery/",
    "/admin/orders/linkout/",
    "/admin/orders/couponuse/",
    "/admin/orders/ledgeraccount/",
    "/admin/orders/ledgeraccount/?standing=owes",
    "/admin/orders/posting/",
    "/admin/orders/entry/",
    "/admin/orders/batch/",
    "/admin/orders/commissionrate/",
    "/admin/orders/coupon/",
    "/admin/orders/coupon/add/",
    "/admin/orders/shippingrate/",
    "/admin/orders/dutyrate/",
    "/admin/conversion/credit/",
    "/admin/notes/case/",
    "/admin/notes/decision/",
    "/admin/notes/brandstanding/",
    "/admin/notes/brandviolation/",
    "/admin/notes/blockedpicture/add/",
    "/admin/notes/auditentry/",
    "/admin/studio/brief/",
    "/admin/studio/brief/add/",
    "/admin/studio/draft/",
    "/admin/studio/trial/",
    "/admin/studio/insightreport/",
    "/admin/studio/writingjob/",
    "/admin/studio/manifest/",
    "/admin/accounts/erasure/",
    "/admin/accounts/export/",
    "/admin/accounts/accessrecord/",
    "/admin/simulation/cause/",
    "/admin/simulation/comparison/",
    "/admin/simulation/writtenscenario/",
    "/admin/simulation/writtenscenario/add/",
    "/admin/simulation/writtenscenario/1/change/",
    "/admin/conversion/attribution/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/events/event/",
    "/admin/events/archivedmonth/",
    "/admin/experiments/experiment/",
    "/admin/experiments/experiment/add/",
    "/admin/experiments/exposure/",
    "/admin/conversion/markovreport/",
    "/admin/conversion/importedlog/",
    "/admin/conversion/notesnapshot/",
    "/admin/conversion/rollup/",
    "/admin/core/fact/",
]


def picture(colour: str) -> FilePayload:
    """Return a small picture of one colour, as a file to upload."""
    data = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(data, "JPEG")
    return {"name": f"{colour}.jpg", "mimeType": "image/jpeg", "buffer": data.getvalue()}


def too_wide(admin: Admin, path: str) -> list[tuple[str, int, int]]:
    """Open a page; return how far it scrolls sideways, on a desk and in a hand, where it does."""
    admin.open(path)
    found = []
    for width in (1280, 390):
        admin.page.set_viewport_size({"width": width, "height": 900})
        eventually(
            lambda: admin.widest() <= 0, seconds=3
        )  # charts redraw themselves a little later
        if widest := max(admin.widest(), 0):
            found.append((path, width, widest))
    return found


def test_no_page_scrolls_sideways(admin: Admin) -> None:
    assert [found for path in PAGES for found in too_wide(admin, path)] == []


def test_no_page_of_a_purchase_scrolls_sideways(admin: Admin) -> None:
    order = bought_and_cancelled(admin)
    system = admin.system
    payment = system.rows("SELECT id FROM orders_payment WHERE order_id = %s", order)[0][0]
    pages = {
        "order": order,
        "payment": payment,
        "refund": system.rows("SELECT id FROM orders_refund WHERE order_id = %s", order)[0][0],
        "repayment": system.rows("SELECT id FROM orders_repayment")[0][0],
        "posting": system.rows("SELECT max(id) FROM orders_posting")[0][0],
    }
    told = "SELECT id FROM orders_webhookdelivery WHERE payment_id = %s"
    webhooks = eventually(lambda: system.rows(told, payment), seconds=20)
    pages["webhookdelivery"] = webhooks[0][0]

    paths = [f"/admin/orders/{name}/{key}/change/" for name, key in pages.items()]
    assert [found for path in paths for found in too_wide(admin, path)] == []
    admin.open(paths[0])
    expect(admin.page.get_by_text("charge.succeeded").first).to_be_visible()


def bought_and_cancelled(admin: Admin) -> str:
    """Buy something, pay it through the sandbox, and cancel; return the order's id."""
    buyer = admin.system.client()
    buyer.register("buyer_of_the_browser")
    sku = admin.system.rows("SELECT min(id) FROM catalog_sku WHERE on_hand > reserved")[0][0]
    buyer.call("PUT", f"/cart/items/{sku}", {"quantity": 1})
    order = buyer.call("POST", "/checkout", {"address": HOME}, key=uuid4())
    buyer.call("POST", f"/orders/{order['id']}/payments", {"method": "sandbox"}, key=uuid4())
    buyer.call("POST", f"/orders/{order['id']}/cancel", {}, key=uuid4())
    return str(order["id"])


def test_a_product_with_a_picture_and_a_note_that_shows_it_are_made_by_hand(admin: Admin) -> None:
    page = admin.page

    admin.open("/admin/catalog/product/add/")
    page.fill("input[name=name]", "Cloud cushion foundation")
    admin.choose("brand", admin.first("catalog_brand", "name"))
    admin.choose("category", admin.first("catalog_category", "name"))
    page.get_by_text("Add another SKU", exact=True).click()
    page.fill("input[name=skus-0-code]", "CLOUD-21N")
    page.fill("input[name=skus-0-price_minor]", "16900")
    page.fill("input[name=skus-0-on_hand]", "40")
    page.set_input_files("input[name=pictures-0-upload]", picture("pink"))
    admin.save()

    expect(page.get_by_text("Cloud cushion foundation").first).to_be_visible()
    sold = admin.system.rows(
        "SELECT s.price_minor, s.on_hand, p.id FROM catalog_sku s "
        "JOIN catalog_product p ON p.id = s.product_id "
        "JOIN catalog_productmedia m ON m.product_id = p.id WHERE s.code = 'CLOUD-21N'"
    )
    assert [row[:2] for row in sold] == [(16900, 40)]

    admin.open("/admin/notes/note/add/")
    page.fill("input[name=title]", "A week with the cloud cushion")
    page.fill("textarea[name=body]", "It stayed on through a rainy Monday in Chengdu.")
    admin.choose("author", admin.first("accounts_user", "handle"))
    page.get_by_text("Add another Picture or video", exact=True).click()
    page.set_input_files("input[name=pictures-0-upload]", picture("orange"))
    page.get_by_text("Add another Product", exact=True).click()
    admin.choose("product_tags-0-product", "Cloud cushion foundation")
    admin.save()
    admin.run_on("A week with the cloud cushion", "publish")

    note_id = admin.system.rows(
        "SELECT id FROM notes_note WHERE title = 'A week with the cloud cushion'"
    )[0][0]
    note = admin.system.client().call("GET", f"/notes/{note_id}")
    assert [shown["id"] for shown in note["products"]] == [sold[0][2]]
    assert len(note["media"]) == 1


def test_an_order_is_shipped_and_the_day_is_read(admin: Admin) -> None:
    number = admin.system.rows("SELECT number FROM orders_order WHERE state = 'paid'")[0][0]

    admin.open("/admin/orders/order/")
    admin.run_on(number, "ship")

    state = "SELECT state FROM orders_order WHERE number = %s"
    assert admin.system.rows(state, number) == [("shipped",)]
    admin.open("/admin/")
    expect(admin.page.get_by_text("Orders paid")).to_be_visible()
    expect(admin.page.locator("canvas").first).to_be_visible()
    expect(admin.page.get_by_text("The notes that earned most")).to_be_visible()
