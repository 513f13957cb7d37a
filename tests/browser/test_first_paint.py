"""What is sent to show each page for the first time; of the API's document, Swagger UI is more."""

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Open, bytes_of
from servers import gunicorn, running
from stories import build

LIMIT = 150_000  # bytes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service with weeks of traffic."""
    folder = tmp_path_factory.mktemp("stories")
    settings = build(folder)
    with running(gunicorn(), folder / "log", MODELS_DIR=str(settings.models_dir)) as started:
        yield started


def test_each_page_is_small(open_page: Open):
    page = open_page("/models")
    links = {link.get_attribute("href") or "" for link in page.locator("main a, nav a").all()}
    page.goto("/monitor/wine/predictions")
    listed = page.locator("a[href^='/predictions/']").first.get_attribute("href") or ""
    assert {"/monitor/wine", "/models/wine/versions"} <= links
    sizes = {path: bytes_of(page, path) for path in sorted({*links, listed, "/", "/no", "/login"})}
    small = {path: size for path, size in sizes.items() if path != "/docs"}
    assert all(1_000 < size <= LIMIT for size in small.values()), small
