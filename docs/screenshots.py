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
DESK = {"width": 1120, "height": 720}


@contextmanager
def served(**environment: str) -> Iterator[None]:
    """The service, which keeps its records where the environment has them."""
    own = {"HOST": "127.0.0.1", "PORT": str(PORT), "WEB_CONCURRENCY": "1"}
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


def opened(browser: Browser, path: str) -> Page:
    """A page as someone sees it."""
    page = browser.new_page(viewport=DESK, locale="en-US", base_url=URL)
    page.goto(path)
    return page


def take(browser: Browser) -> None:
    """Take the picture of the form with a prediction."""
    form = opened(browser, "/")
    form.set_viewport_size(DESK | {"height": 900})  # with the explanation
    form.get_by_role("button", name="bom", exact=True).click()
    form.locator(".prediction").wait_for()
    form.screenshot(path=IMAGES / "form.png")


def take_stories(browser: Browser) -> None:
    """Take the pictures of a model whose traffic drifted, and of a training."""
    train = opened(browser, "/train")
    train.locator("#file").set_input_files(ROOT / "examples/loans.csv")
    noted = train.locator("#target-note", has_text="aprovado")  # the columns are looked at twice
    noted.wait_for(timeout=120_000)
    train.screenshot(path=IMAGES / "train.png")

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
        with served(VAR_DIR=str(Path(folder) / "form")):
            take(chromium)
        settings = build(Path(folder))
        with served(MODELS_DIR=str(settings.models_dir), VAR_DIR=str(settings.var_dir)):
            take_stories(chromium)
        chromium.close()
