"""The list of predictions: what was true is sent as a table, then filtered and downloaded."""

import csv
import io
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from conftest import Open, fits, pictured
from playwright.sync_api import Page, expect
from servers import get, gunicorn, running, wait_until

ROOT = Path(__file__).parents[2]
GOOD = json.loads((ROOT / "bom.json").read_text())
COUNT = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service that has predicted wines of an order, which are in the store."""
    with running(gunicorn(), tmp_path_factory.mktemp("listed") / "log") as started:
        seeded = random.Random(1)
        wines = [
            GOOD | {"alcohol": 9 + at % 5, "pH": round(seeded.uniform(2.9, 3.7), 2)}
            for at in range(COUNT)
        ]
        headers = {"X-Own-ID": "order", "Content-Type": "application/json"}
        urlopen(Request(f"{started.url}/predict", json.dumps(wines).encode(), headers)).close()
        wait_until(lambda: len(listed(started)) == COUNT)
        yield started


def listed(server: Any, query: str = "") -> list[dict[str, Any]]:
    status, found = get(f"{server.url}/models/wine/predictions?limit=1000&{query}")
    return found["predictions"] if status == 200 else []


def choose(page: Page, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "text/csv", "buffer": content}
    page.get_by_label("Choose a file").set_input_files([file])


def test_truths_by_own_id_then_by_id_are_sent_found_and_downloaded(open_page: Open, server: Any):
    page = open_page("/monitor/wine/predictions", zone="America/Sao_Paulo")
    lines = [f"order/{at};{'bom' if at % 3 else 'ruim'}" for at in range(COUNT - 2)]
    choose(page, "truths.csv", "\n".join(["lot;quality", *lines, "order/99;bom"]).encode())
    truths = page.get_by_role("region", name="What was true")
    expect(truths.get_by_label("Column of what was true")).to_have_value("quality")
    expect(truths).to_contain_text("0 of 29 rows can be recorded")
    truths.get_by_label("These are").select_option("own ids (X-Own-ID)")
    expect(truths).to_contain_text("28 of 29 rows can be recorded")
    expect(truths.get_by_role("row", name="order/99")).to_contain_text("without a prediction")
    pictured(page, "list-truths")
    assert not listed(server, "feedback=true")
    truths.get_by_role("button", name="Record 28 rows").click()
    expect(truths).to_contain_text("Recorded: 28 rows")
    wait_until(lambda: len(listed(server, "feedback=true")) == COUNT - 2)

    truths.get_by_role("link", name="Show the list again").click()
    page.get_by_label("Feedback").select_option("wrong")
    page.get_by_text("Values of fields").click()
    page.get_by_role("group", name="alcohol").get_by_label("from").fill("10")
    page.get_by_role("button", name="Last hour").click()
    expect(page).to_have_url(re.compile(r"since=[^&]*Z"))
    wrong = listed(server, "wrong=true&where=alcohol>=10")
    expect(page.locator("#predictions tbody tr")).to_have_count(len(wrong))
    expect(page.locator("#predictions tbody tr").first).to_contain_text("✗ wrong")
    expect(page.get_by_text("Filters", exact=True)).to_be_hidden()  # on a desk they are in view
    acidity = page.get_by_role("columnheader", name="pH", exact=True)
    expect(acidity).to_be_visible()
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("group", name="Columns").get_by_label("pH", exact=True).uncheck()
    expect(acidity).to_be_hidden()
    pictured(page, "list-filtered")
    page.reload()
    expect(acidity).to_be_hidden()
    assert fits(page)

    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download all that fit as CSV").click()
    text = Path(waiting.value.path()).read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["id"] for row in rows] == [each["id"] for each in wrong]
    choose(
        page,
        "list.csv",
        text.replace(f",{rows[0]['actual']}\r\n", f",{rows[0]['prediction']}\r\n").encode(),
    )
    expect(truths).to_contain_text(re.compile(r"\d+ of \d+ rows can be recorded"))
    truths.get_by_role("button", name="Record").click()
    expect(truths).to_contain_text("Recorded:")
    wait_until(lambda: len(listed(server, "wrong=true&where=alcohol>=10")) < len(wrong))
    page.locator("#predictions tbody a").first.click()
    expect(page).to_have_url(re.compile("/predictions/wine"))


def test_pages_go_back_and_forth_and_a_search_is_remembered_in_the_address(open_page: Open):
    page = open_page("/monitor/wine/predictions?limit=12", dark=True)
    first = page.locator("#predictions tbody a").first
    newest = first.get_attribute("href")
    page.get_by_role("link", name="Earlier").click()
    expect(first).not_to_have_attribute("href", newest or "")
    pictured(page, "list-dark")
    page.get_by_role("link", name="Later").click()
    expect(first).to_have_attribute("href", newest or "")


def test_a_phone_in_portuguese_shows_prediction_probability_and_truth(open_page: Open):
    page = open_page("/monitor/wine/predictions", phone=True, language="pt-BR")
    row = page.locator("#predictions tbody tr").filter(has_text="errada").first
    cells = row.locator("th, td")
    for at in range(3):
        box = cells.nth(at).bounding_box()
        assert box
        assert box["x"] + box["width"] <= 375 - 16  # the margin of the page
    expect(cells.nth(1)).to_contain_text("%")
    first = page.locator("#predictions tbody tr").first.bounding_box()
    assert first
    assert first["y"] < 740  # in view, below the folded filters
    page.get_by_text("Filtros").click()
    page.get_by_label("probabilidade abaixo de").fill("0,9")
    page.get_by_role("button", name="Mostrar", exact=True).click()
    expect(page).to_have_url(re.compile(r"probability_below=0\.9"))
    expect(page.get_by_label("probabilidade abaixo de")).to_have_value("0,9")
    assert fits(page)
    pictured(page, "list-phone")
