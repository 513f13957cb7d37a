"""A fresh service: what to do first, a check at once, and training data that comes as traffic."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Open, drawn, fits, pictured
from playwright.sync_api import expect
from servers import get, gunicorn, running, wait_until

from bench.wines import load

ROWS = 300


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service that nobody has used."""
    folder = tmp_path_factory.mktemp("fresh")
    with running(gunicorn(), folder / "log") as started:
        yield started


def send_training_rows(url: str, model: str) -> None:
    """Predict rows of the training data, and wait until they are stored."""
    fields = [field["name"] for field in get(f"{url}/models/{model}")[1]["fields"]]
    wines = load()
    chosen = wines if model == "wine" else wines[wines["color"] == "red"]
    rows = chosen.sample(ROWS, random_state=0)
    body = json.dumps(rows[fields].to_dict("records")).encode()
    urllib.request.urlopen(f"{url}/models/{model}/predict", data=body).close()
    listed = f"{url}/models/{model}/predictions?limit=10000"
    wait_until(lambda: len(get(listed)[1]["predictions"]) == ROWS)


def test_from_a_fresh_service_to_the_first_report(open_page: Open, server: Any):
    page = open_page("/monitor")
    page.get_by_role("link", name="wine", exact=True).click()
    steps = page.get_by_role("region", name="Three steps")
    expect(steps.get_by_role("listitem")).to_have_count(3)
    expect(page.get_by_role("region")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollHeight") < 1000
    pictured(page, "monitor-fresh")
    send_training_rows(server.url, "wine")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("status")).to_have_text("The model is being checked …")
    seen = page.get_by_text("100 % of the rows of this window are rows of the training data")
    expect(seen).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Three steps")).to_be_hidden()
    expect(page.get_by_role("region", name="Traffic")).to_contain_text("300")
    pictured(drawn(page), "monitor-seen")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("status")).to_have_text("", timeout=60_000)


def test_from_a_fresh_service_to_the_first_report_on_a_phone_in_portuguese(
    open_page: Open, server: Any
):
    page = open_page("/monitor/wine-score", phone=True, language="pt-BR")
    expect(page.get_by_role("heading", name="Três passos")).to_be_visible()
    assert fits(page)
    send_training_rows(server.url, "wine-score")
    page.get_by_role("button", name="Verificar agora").click()
    seen = page.get_by_text("das linhas desta janela são linhas dos dados de treino")
    expect(seen).to_be_visible(timeout=60_000)
    assert fits(page)
    pictured(drawn(page), "monitor-seen-phone")
