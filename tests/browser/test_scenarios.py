"""Somebody writes a scenario in the admin, has its arms compared, watches, and reads the page."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Admin

pytestmark = [pytest.mark.processes, pytest.mark.browser]


def test_a_scenario_is_written_compared_watched_and_read(admin: Admin) -> None:
    page = admin.page
    admin.open("/admin/simulation/writtenscenario/")
    page.get_by_role("link", name="cold_start_creators").first.click()
    page.get_by_text("Write another like it").first.click()
    text = page.locator("textarea[name=text]")
    expect(text).to_have_value(re.compile('name = "cold_start_creators_2"'))
    written = text.input_value()
    text.fill(written + "\n[trust]\nvideo = 9.0\n")
    page.locator("button[name=_save]").click()
    expect(page.get_by_text("trust.video must be between")).to_be_visible()
    text.fill(written)
    admin.save()

    page.get_by_role("link", name="cold_start_creators_2").first.click()
    page.get_by_text("Compare its arms").first.click()
    for name, value in {"replications": 3, "people": 100, "days": 3, "seed": 11}.items():
        page.fill(f"input[name={name}]", str(value))
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url("**/simulation/comparison/**")
    page.set_default_timeout(120_000)
    page.get_by_text("Complete: 3 of 3 replications").wait_for()
    page.get_by_text("Open the page").click()

    expect(page.get_by_text("3 replications, each a world of its own")).to_be_visible()
    admin.open("/admin/simulation/comparison/")
    admin.run_on("cold_start_creators_2", "side_by_side")
    expect(page.get_by_text("3 × 100 people, 3 days, seed 11")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 900})
    assert admin.widest() <= 0
