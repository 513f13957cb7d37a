"""A real browser on a real service: Chromium as the system has it, with nothing else to reach."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

SCREENSHOTS = Path(__file__).parent / "screenshots"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 740}

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium of the system; its own sandbox needs rights that a container lacks."""
    found = shutil.which("chromium") or pytest.fail("apt-get install chromium")
    with sync_playwright() as playwright:
        here = "--host-resolver-rules=MAP *.example 127.0.0.1,MAP ml.example.org 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", here])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, server: Any) -> Iterator[Open]:
    """Open a path; fails in the end if a page logged an error, or called another host."""
    complaints: list[str] = []
    contexts = []

    def log(message: Any) -> None:
        expected = re.search("status of 4(00|04|05|09|22)", message.text)  # the page shows it
        expected = expected and "/static/" not in message.location["url"]
        if message.type in {"error", "warning"} and not expected:
            complaints.append(message.text)

    def opened(
        path: str,
        *,
        language: str = "en-US",
        zone: str = "Europe/London",
        dark: bool = False,
        phone: bool = False,
    ) -> Page:
        context = chromium.new_context(
            base_url=server.url,
            locale=language,
            timezone_id=zone,
            color_scheme="dark" if dark else "light",
            viewport=PHONE if phone else DESK,
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.on("console", log)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: check_host(request.url))
        assert page.goto(path).ok
        return page

    def check_host(url: str) -> None:
        if not url.startswith((server.url, "blob:", "data:")):
            complaints.append(f"requested {url}")

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


def drawn(page: Page) -> Page:
    """Scroll through a page, so that each chart comes into view, which is when it is drawn."""
    for figure in page.locator("figure.chart:visible").all():
        figure.scroll_into_view_if_needed()
        page.wait_for_function(
            "(canvas) => Chart.getChart(canvas)", arg=figure.locator("canvas").element_handle()
        )
    page.evaluate("scrollTo(0, 0)")
    return page


def pictured(page: Page, name: str, *, by_others: bool = False) -> None:
    """Leave a screenshot for people to look at, and let a machine look for barriers.

    Of a page whose structure is that of others only those count that are grave.
    """
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    found = Axe().run(page).response["violations"]
    if by_others:
        found = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert not found, [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


def bytes_of(page: Page, path: str) -> int:
    """How many bytes are sent for a page to a browser that has nothing of it, with headers."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    loaded: list[float] = []
    network.on("Network.loadingFinished", lambda sent: loaded.append(sent["encodedDataLength"]))
    page.goto(path, wait_until="networkidle")
    return round(sum(loaded))


def fits(page: Page) -> bool:
    """Whether nothing reaches beyond the screen's side."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")
