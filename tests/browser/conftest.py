"""A real Chromium in front of a living system."""

import shutil
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.journeys.system import Living, living_system

CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living_system(tmp_path_factory.mktemp("browser")) as living:
        living.manage("seed")
        yield living


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path, "Chromium is missing: install the system's package named chromium."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Admin:
    """A developer in front of the admin, who notices every complaint of the browser."""

    def __init__(self, page: Page, system: Living) -> None:
        self.page = page
        self.system = system
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def log_in(self) -> None:
        said = self.system.said["admin"]
        self.open("/admin/login/?next=/admin/")
        self.page.fill("input[name=username]", said["login"])
        self.page.fill("input[name=password]", said["password"])
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/admin/")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.system.url}{path}")
        self.page.wait_for_load_state("networkidle")

    def first(self, table: str, column: str) -> str:
        """Return one value that the seeded shop holds."""
        query = f"SELECT {column} FROM {table} ORDER BY id DESC LIMIT 1"  # noqa: S608 - our names
        return str(self.system.rows(query)[0][0])

    def choose(self, field: str, text: str) -> None:
        """Find and choose something in a field that completes what is typed.

        The words go into the search field as a whole: keys pressed while the list still opens
        can reach the page behind it.
        """
        chosen = self.page.locator(f"select[name='{field}'] + .select2")
        chosen.click()
        opened = self.page.locator(".select2-container--open")
        opened.locator("input.select2-search__field").fill(text)
        opened.locator(".select2-results__option[role=option]", has_text=text).first.click()
        expect(chosen).to_contain_text(text)

    def save(self) -> None:
        self.page.locator("button[name=_save], input[name=_save]").click()
        self.page.wait_for_url(lambda url: not url.endswith("/add/"))

    def run_on(self, text: str, action: str) -> None:
        """Tick the row with this text in the list that is open, and run an action on it."""
        row = self.page.locator("#result_list tr", has_text=text).first
        row.locator("input.action-select").check()
        self.page.select_option("select[name=action]", action)
        self.page.locator("button[name=index]").click()
        self.page.wait_for_load_state("networkidle")

    def widest(self) -> int:
        """Return how many pixels the page scrolls sideways."""
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(overflow))


@pytest.fixture
def admin(chromium: Browser, system: Living) -> Iterator[Admin]:
    """Log into the admin; afterwards the browser must have had nothing to complain about."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    developer = Admin(page, system)
    developer.log_in()
    yield developer
    page.close()
    assert developer.complaints == []
