"""Takes the README's picture of the admin's home page from a running system.

Run it beside a living system: ``make picture`` (it starts one, and stops it again).
"""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def take(*, url: str, login: str, password: str) -> None:
    """Log into the admin and write a picture of its home page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=CHROMIUM_ARGUMENTS,
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(f"{url}/admin/login/?next=/admin/")
        page.fill("input[name=username]", login)
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        page.wait_for_url(f"{url}/admin/")  # who leaves before is not logged in
        page.goto(f"{url}/admin/?population=simulated")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1_000)  # the charts draw themselves in
        page.screenshot(path=HERE / "dashboard.png")
        browser.close()


def main() -> None:
    """Start the system on this checkout's data, take the picture, stop it."""
    supervisor = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert supervisor.stdout is not None
        said = json.loads(supervisor.stdout.readline())
        admin = said["admin"]
        take(url=said["url"].rstrip("/"), login=admin["login"], password=admin["password"])
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(timeout=30)


if __name__ == "__main__":
    main()
