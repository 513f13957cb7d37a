"""The lesson of docs/class.md in the browser alone: no command, no Python."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import committed
import pytest
from conftest import Open, drawn, pictured
from playwright.sync_api import Page, expect
from servers import ROOT, gunicorn, running

LONG = 90_000  # milliseconds that a training may take on a busy machine
FILES = ROOT / "examples/class"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("class")
    models = committed.copy(folder / "models")
    with running(gunicorn(), folder / "log", MODELS_DIR=str(models)) as started:
        yield started


def train(page: Page, version: int, *, with_feedback: bool) -> None:
    page.goto("/train")
    page.locator("#file").set_input_files(FILES / "wines.csv")
    page.wait_for_url(re.compile("/trainings/"))
    page.get_by_label("Target").select_option("taste", timeout=LONG)
    expect(page.locator("#target-note")).to_contain_text("bom", timeout=LONG)
    page.get_by_label("Name of the model").fill("cellar")
    page.get_by_label("Estimator").select_option("random-forest")
    added = page.get_by_label("Add its predictions that have feedback")
    added.check() if with_feedback else expect(added).to_be_hidden()
    page.get_by_role("button", name="Start the training").click()
    trained = page.get_by_role("heading", name=f"cellar version {version} is trained")
    expect(trained).to_be_visible(timeout=LONG)


def predict(page: Page, name: str) -> bytes:
    """Drop a file, and return what is downloaded with what customers found of each wine."""
    page.goto("/?model=cellar")
    page.locator("#file").set_input_files(FILES / f"{name}.csv")
    expect(page.locator("#status")).to_have_text("Done: 600 rows.", timeout=LONG)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the predictions").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    truths = csv.DictReader((FILES / f"{name}-truths.csv").read_text().splitlines())
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["id", "actual"])
    writer.writerows(
        (row["id"], true["actual"])
        for row, true in zip(csv.DictReader(text.splitlines()), truths, strict=True)
    )
    return written.getvalue().encode()


def check(page: Page, finding: str) -> None:
    page.goto("/monitor/cellar")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator(".state")).to_contain_text(finding, timeout=LONG)


def test_a_model_goes_live_ages_and_is_replaced(open_page: Open):
    page = open_page("/train")
    train(page, 1, with_feedback=False)
    expect(page.get_by_text("it is live")).to_be_visible()
    truths = predict(page, "today")
    check(page, "total sulfur dioxide: 18 % of the values are at most 144")
    page.get_by_role("link", name="Predictions", exact=True).first.click()
    file = {"name": "truths.csv", "mimeType": "text/csv", "buffer": truths}
    page.locator("#truths-file").set_input_files(file)
    page.get_by_role("button", name="Record 600 rows").click()
    expect(page.locator("#truths-report")).to_contain_text("Recorded: 600 rows")
    check(page, "the model got worse")
    expect(page.get_by_role("link", name="Train a model")).to_be_visible()
    pictured(drawn(page), "class-monitor")
    train(page, 2, with_feedback=True)
    pictured(page, "class-trained")
    page.get_by_label("Reason").fill("sweet wine is no longer liked")
    expect(page.locator("#gate")).to_contain_text("no objection", timeout=LONG)
    page.get_by_role("button", name="Put live").click()
    expect(page.get_by_text("it is live")).to_be_visible()
    page.goto("/models/cellar/versions")
    expect(page.get_by_text("0.1243 against 0.2376")).to_be_visible()
    pictured(drawn(page), "class-versions")
