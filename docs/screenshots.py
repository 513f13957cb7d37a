"""Make README's pictures from the pages as they are: `.venv/bin/python docs/screenshots.py`."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support"), str(ROOT / "tests/browser")]
from stories import build  # noqa: E402

IMAGES = ROOT / "docs/images"
PORT = 5987
SERVED, URL = f"127.0.0.1:{PORT}", "http://localhost:5000"  # where it is, and as README has it
DESK, PHONE = {"width": 1120, "height": 720}, {"width": 390, "height": 720}


@contextmanager
def served(**environment: str) -> Iterator[None]:
    """The service, which keeps no record of what is asked for pictures."""
    own = {"HOST": "127.0.0.1", "PORT": str(PORT), "JOURNAL": "off", "WEB_CONCURRENCY": "1"}
    own |= environment
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "app:app"], cwd=ROOT, env=os.environ | own
    )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://{SERVED}/health/live", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def opened(browser: Browser, path: str, *, phone: bool = False, dark: bool = False) -> Page:
    """A page as someone sees it."""
    page = browser.new_page(
        viewport=PHONE if phone else DESK,
        color_scheme="dark" if dark else "light",
        locale="pt-BR" if phone else "en-US",
        base_url=URL,
    )
    page.goto(path)
    return page


def take(browser: Browser) -> None:
    """Take every picture."""
    form = opened(browser, "/")
    form.get_by_role("button", name="bom", exact=True).click()
    form.locator(".prediction").wait_for()
    form.screenshot(path=IMAGES / "form.png")

    card = opened(browser, "/models/wine/card")
    card.locator("#drawn").evaluate("heading => heading.scrollIntoView()")
    card.screenshot(path=IMAGES / "card.png")

    phone = opened(browser, "/?model=wine-score", phone=True, dark=True)
    phone.locator("[data-example]").first.click()
    phone.locator(".prediction").wait_for()
    phone.screenshot(path=IMAGES / "phone.png")


def take_monitor(browser: Browser) -> None:
    """Take the picture of a model whose traffic drifted."""
    page = opened(browser, "/monitor/wine")
    page.locator("#drift").evaluate("heading => heading.scrollIntoView()")
    page.locator("canvas[style]").first.wait_for()  # drawn
    page.screenshot(path=IMAGES / "monitor.png")


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", f"--host-resolver-rules=MAP localhost:5000 {SERVED}"],
        )
        with served():
            take(chromium)
        settings = build(Path(folder))
        with served(MODELS_DIR=str(settings.models_dir), VAR_DIR=str(settings.var_dir)):
            take_monitor(chromium)
        chromium.close()
