"""A model is trained in the browser: from a table to a version that is live."""

import csv
import re
from collections.abc import Iterator
from typing import Any

import committed
import pytest
from conftest import Open, fits, pictured
from playwright.sync_api import Page, expect
from servers import ROOT, gunicorn, running
from test_csv import drop
from workbooks import xlsx

LONG = 90_000  # milliseconds that a training may take on a busy machine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service with models of its own, of which more will be made."""
    folder = tmp_path_factory.mktemp("train-page")
    models = committed.copy(folder / "models")
    with running(gunicorn(), folder / "log", MODELS_DIR=str(models)) as started:
        yield started


def send(page: Page, name: str, content: bytes) -> None:
    """Choose a file, and wait for the page of its training."""
    page.locator("#file").set_input_files({"name": name, "mimeType": "", "buffer": content})
    page.wait_for_url(re.compile("/trainings/[0-9a-f]{12}$"))


def test_a_table_becomes_a_live_model_on_a_desk(open_page: Open):
    page = open_page("/")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Train").click()
    expect(page.get_by_role("heading", name="Train a model")).to_be_visible()
    pictured(page, "train")
    send(page, "loans.csv", (ROOT / "examples/loans.csv").read_bytes())
    expect(page.get_by_label("Target")).to_have_value("decisão", timeout=LONG)
    expect(page.locator("#target-note")).to_contain_text("aprovado", timeout=LONG)
    expect(page.get_by_label("Kind of prediction")).to_have_value("classification")
    pictured(page, "train-columns")
    page.get_by_label("Unit of prazo").fill("meses")
    page.keyboard.press("Enter")  # starts no training
    page.get_by_label("Use histórico").uncheck()
    out = page.locator("tr[data-column='histórico']")
    expect(out).to_contain_text("left out", timeout=LONG)
    expect(page.get_by_label("Unit of prazo")).to_have_value("meses")
    page.reload()
    expect(page.get_by_label("Use histórico")).not_to_be_checked()
    page.get_by_label("Name of the model").fill("loans")
    page.get_by_label("Estimator").select_option("linear")
    page.get_by_label("Use histórico").check()
    expect(out).not_to_contain_text("left out", timeout=LONG)
    expect(page.get_by_label("Name of the model")).to_have_value("loans")
    expect(page.get_by_label("Estimator")).to_have_value("linear")
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_role("button", name="Start the training").dblclick()
    going = re.compile("Training loans|Waiting|is trained")
    expect(page.get_by_role("heading", name=going)).to_be_visible()
    other.get_by_role("button", name="Start the training").click()  # what it shows is past
    expect(other.get_by_role("heading", name=going)).to_be_visible()
    other.close()
    pictured(page, "train-progress")
    page.reload()  # in the middle
    expect(page.get_by_role("heading", name="loans version 1 is trained")).to_be_visible(
        timeout=LONG
    )
    expect(page.get_by_text("it is live")).to_be_visible()
    page.get_by_text("Log", exact=True).click()
    expect(page.locator("#log")).to_contain_text("it is live, because")
    pictured(page, "train-done")
    page.get_by_role("link", name="Predict with it").click()
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator(".prediction")).to_contain_text(re.compile("provado"))
    page.go_back()
    expect(page.get_by_role("heading", name="loans version 1 is trained")).to_be_visible()


def homes() -> list[list[str]]:
    """Homes as a Portuguese spreadsheet has them, the price in thousands with decimal commas."""
    with (ROOT / "examples/homes.csv").open(newline="") as file:
        rows = [*csv.reader(file)]
    header = ["área", "quartos", "bairro", "ano", "garagem", "preço"]
    return [
        header,
        *([*row[:5], f"{int(row[5]) / 1000:.2f}".replace(".", ",")] for row in rows[1:]),
    ]


def test_a_second_version_is_put_live_on_a_phone_in_portuguese(open_page: Open):
    page = open_page("/train", language="pt-BR", phone=True, dark=True)
    pictured(page, "train-phone")
    table = "\n".join(";".join(row) for row in homes())
    send(page, "imóveis.csv", table.encode("cp1252"))
    expect(page.locator("#target-note")).to_have_text("143 a 1066", timeout=LONG)
    expect(page.get_by_label("Alvo")).to_have_value("preço")
    expect(page.get_by_label("Nome do modelo")).to_have_value("imoveis")
    assert fits(page)
    pictured(page, "train-phone-columns")
    page.get_by_label("Estimador").select_option("linear")
    page.get_by_role("button", name="Iniciar o treino").click()
    expect(page.get_by_text("está no ar")).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Treinar outro").click()
    numbers = [
        [int(cell) if cell.isdigit() else cell for cell in row[:5]]
        + [float(row[5].replace(",", ".")) if row[5][0].isdigit() else row[5]]
        for row in homes()
    ]
    send(page, "imóveis.xlsx", xlsx(numbers))
    expect(page.get_by_label("Tipo de predição")).to_have_value("regression", timeout=LONG)
    expect(page.get_by_text("Este modelo existe")).to_be_visible()
    expect(page.get_by_label("Acrescentar às linhas do arquivo")).not_to_be_checked()
    pictured(page, "train-phone-again")
    page.get_by_label("Usar área").uncheck()
    out = page.locator("tr[data-column='área']")
    expect(out).to_contain_text("fora: não é para ser usada", timeout=LONG)
    page.get_by_label("Estimador").select_option("decision-tree")
    page.get_by_role("button", name="Iniciar o treino").click()
    expect(page.get_by_role("heading", name="Colocar a versão 2 no ar")).to_be_visible(timeout=LONG)
    gate = page.locator("#gate")
    expect(gate).to_contain_text("Os critérios não são atendidos", timeout=LONG)
    button = page.get_by_role("button", name="Colocar no ar")
    expect(button).to_be_disabled()
    assert fits(page)
    pictured(page, "train-phone-done")
    page.get_by_label("Decidir contra os critérios").check()
    page.get_by_label("Motivo").fill("sem a área")
    button.click()
    expect(page.get_by_text("está no ar", exact=False).first).to_be_visible()
    page.get_by_role("link", name="Predizer com ela").click()
    expect(page.get_by_label("quartos")).to_be_visible()
    expect(page.get_by_label("área")).to_have_count(0)


def test_wrong_tables_are_refused_once_and_a_training_is_cancelled(open_page: Open):
    page = open_page("/train")
    page.locator("#file").set_input_files({"name": "empty.csv", "mimeType": "", "buffer": b""})
    expect(page.get_by_text("empty.csv is empty")).to_be_visible()
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", slow)
    drop(page, "long.csv", b"a,b\n" * 1_000_000, "#drop")
    expect(page.get_by_text("Sending long.csv…")).to_be_visible()
    page.get_by_role("button", name="Stop sending").click()
    expect(page.get_by_text("Stopped: nothing of it is kept.")).to_be_visible()
    network.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    send(page, "photo.csv", b"\x89PNG\r\n\x1a\n" + bytes(100))
    failed = page.get_by_role("heading", name="This table cannot be read")
    expect(failed).to_be_visible(timeout=LONG)
    expect(page.locator(".fault:visible")).to_have_count(1)
    expect(page.locator(".fault:visible")).to_contain_text("PNG")
    pictured(page, "train-wrong")
    page.get_by_role("link", name="Send a table").click()
    send(page, "homes.csv", (ROOT / "examples/homes.csv").read_bytes())
    expect(page.get_by_label("Target")).to_have_value("price", timeout=LONG)
    page.get_by_label("Name of the model").fill("homes")
    page.get_by_role("button", name="Start the training").click()
    page.get_by_role("button", name="Cancel it").click()
    expect(page.get_by_text("This training was cancelled")).to_be_visible()
    page.get_by_role("link", name="Send a table").click()
    page.get_by_role("button", name="Delete photo.csv").click()
    expect(page.get_by_role("link", name="photo.csv")).to_have_count(0)
    expect(page.get_by_role("link", name="homes.csv").first).to_be_visible()
    pictured(page, "train-list")
