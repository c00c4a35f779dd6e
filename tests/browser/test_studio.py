"""A brand's people open a brief, have it written by a real worker, edit, publish, and follow it."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Admin
from tests.journeys.system import eventually

pytestmark = [pytest.mark.processes, pytest.mark.browser]


def press(admin: Admin, text: str) -> None:
    """Press a button of the page that is open, and the one of its dialog that says the same."""
    admin.page.get_by_role("link", name=text).or_(
        admin.page.get_by_role("button", name=text)
    ).first.click()


def test_from_a_brief_to_published_variants_and_their_lineage(admin: Admin) -> None:
    page, system = admin.page, admin.system
    product = admin.first("catalog_product", "name")
    brand = admin.first("catalog_product", "brand_id")
    system.execute(
        "INSERT INTO catalog_brandmember (brand_id, user_id, created_at) "  # noqa: S608 - ours
        f"SELECT {brand}, id, now() FROM accounts_user WHERE handle = 'admin' "
        "ON CONFLICT DO NOTHING"
    )
    admin.open("/admin/studio/brief/add/")
    admin.choose("product", product)
    admin.choose("author", "admin")
    page.select_option("select[name=language]", "en")
    page.fill("textarea[name=claims]", "Woven from 100% linen")
    admin.save()

    page.get_by_role("link", name=product).first.click()
    press(admin, "Have drafts written")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("It is being written")).to_be_visible()
    drafts = eventually(
        lambda: system.rows("SELECT id FROM studio_draft ORDER BY id DESC LIMIT 3"), seconds=30
    )
    for (draft,) in drafts[:2]:
        admin.open(f"/admin/studio/draft/{draft}/change/")
        title = page.locator("input[name=title]").input_value()
        page.fill("input[name=title]", f"{title} (edited)"[:100])
        page.locator("button[name=_continue]").click()
        press(admin, "Approve")
        expect(page.get_by_text("Approved.")).to_be_visible()
        press(admin, "Publish")
        page.get_by_role("button", name="Publish", exact=True).last.click()
        expect(page.get_by_text("It is published")).to_be_visible()

    brief = system.rows("SELECT max(id) FROM studio_brief")[0][0]
    admin.open(f"/admin/studio/brief/{brief}/change/")
    press(admin, "Start a trial")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("The trial runs.")).to_be_visible()
    admin.open(f"/admin/studio/brief/{brief}/lineage/")
    expect(page.get_by_text("edited by admin")).to_have_count(2)
    expect(page.get_by_text("sealed")).to_have_count(2)
    page.set_viewport_size({"width": 390, "height": 900})
    assert admin.widest() <= 0
    admin.open(f"/admin/studio/draft/{drafts[0][0]}/change/")
    assert admin.widest() <= 0
