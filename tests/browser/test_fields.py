"""Forms with dates, booleans, texts and money, in two languages, on a desk and on a phone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from artefacts import made, put_live
from conftest import Open, fits, pictured
from playwright.sync_api import Page, expect
from servers import gunicorn, running
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from serving.inputs.dates import with_calendar
from serving.inputs.field import Field
from serving.inputs.numerals import Numerals
from serving.models.manifest import Interval

ROWS = 120
SINCE = Field(name="since", type="date", format="%d/%m/%Y", seen=(19_000.0, 20_000.0))
PRICE = Field(name="price", unit="R$", numerals=Numerals(",", "."), seen=(100.0, 1234567.5))
FIELDS = (
    SINCE,
    Field(name="member", type="boolean"),
    Field(name="note", type="text"),
    PRICE,
    Field(name="rooms", type="integer", optional=True),
)
RECORD = {"since": "2024-01-31", "member": True, "note": "so good", "price": 1234.5, "rooms": None}
SHARES = (Field(name="at", type="date", seen=(19_000.25, 20_000.5)), Field(name="x", unit="%"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service with a model of labels, which predicts yes for a good note, and one of prices."""
    folder = tmp_path_factory.mktemp("fields")
    (folder / "models").mkdir()
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "since": random.integers(19_000, 20_000, ROWS).astype(float),
            "member": random.integers(0, 2, ROWS).astype(float),
            "note": random.choice(["so good", "so bad"], ROWS),
            "price": random.uniform(100, 10_000, ROWS),
            "rooms": random.integers(1, 5, ROWS).astype(float),
        }
    )
    prepare = make_column_transformer(
        (TfidfVectorizer(), "note"), ("passthrough", ["member"]), remainder="drop"
    )
    labels_of_rows = np.where(frame["note"] == "so good", "yes", "no")
    labels = make_pipeline(prepare, LogisticRegression(C=100)).fit(frame, labels_of_rows)
    shown = {"fields": FIELDS, "takes": "frame", "example": RECORD}
    put_live(folder / "models", made("flats", labels, frame, **shown))
    shares = pd.DataFrame({"at": frame["since"] + 0.25, "x": [1.0, 2] * (ROWS // 2)})
    prices = LinearRegression().fit(with_calendar(shares.to_numpy(), [0]), shares["x"] * 555_557.5)
    example = {"at": "2024-01-31T06:30:00Z", "x": 1.0}
    interval = Interval(coverage=0.9, low=-1.0, high=1.0, relative=False, observed=0.9, rows=ROWS)
    more = {"fields": SHARES, "unit": "R$", "example": example, "interval": interval}
    put_live(folder / "models", made("prices", prices, shares, **more))
    with running(
        gunicorn(), folder / "log", MODELS_DIR=str(folder / "models"), DEFAULT_MODEL="flats"
    ) as started:
        yield started


def ask(page: Page, language: str = "en-US") -> None:
    page.get_by_role(
        "button", name={"en-US": "Predict", "pt-BR": "Predizer"}[language]
    ).first.click()
    expect(page.locator(".prediction")).to_be_visible()


def sent(page: Page) -> dict[str, Any]:
    """The record that the form holds, by the request to copy."""
    code = page.locator("#code-javascript").text_content() or ""
    return json.loads(code.partition("JSON.stringify(")[2].rpartition("),\n});")[0])


@pytest.mark.parametrize("language", ["en-US", "pt-BR"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_every_kind_of_field_is_filled_shown_and_sent(
    open_page: Open, language: str, *, phone: bool
):
    page = open_page("/", language=language, phone=phone)
    assert sent(page) == {name: value for name, value in RECORD.items() if value is not None}
    written = {"en-US": "1234.5", "pt-BR": "1234,5"}[language]
    expect(page.get_by_label("price")).to_have_value(written)
    page.get_by_label("since").fill("2030-12-31")
    page.get_by_label("member").select_option({"en-US": "no", "pt-BR": "não"}[language])
    page.get_by_label("note").fill('so "bad"\nthat')
    page.get_by_label("price").fill("R$ 1.234.567,50")
    ask(page, language)
    expect(page.locator(".prediction")).to_have_text("no")
    note, money = 'so "bad"\nthat', "R$ 1.234.567,50"
    assert sent(page) == {"since": "2030-12-31", "member": False, "note": note, "price": money}
    range_seen = {"en-US": "2022-01-08 to 2024-10-04", "pt-BR": "2022-01-08 a 2024-10-04"}[language]
    care = {
        "en-US": f"in training {range_seen} Warning",
        "pt-BR": f"no treino {range_seen} Aviso",
    }
    expect(page.get_by_label("since")).to_have_accessible_description(
        f"{care[language]}: 2030-12-31 is after 2024-10-04, the last date in training"
    )
    assert fits(page)
    pictured(page, f"fields-{language}-{'phone' if phone else 'desk'}")
    page.goto(f"/predictions/{page.locator('#result code').inner_text()}")
    no = {"en-US": "no", "pt-BR": "não"}[language]
    expect(page.get_by_role("row", name=f"member {no}", exact=True)).to_be_visible()


def test_the_request_in_python_knows_true_and_false(open_page: Open):
    page = open_page("/")
    code = page.locator("#code-python").text_content() or ""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'prediction': 'yes'" in done.stdout


def test_the_faults_of_each_kind_of_field_are_shown_beside_it(open_page: Open):
    page = open_page("/")
    page.get_by_label("since").fill("")
    page.get_by_label("note").fill("")
    page.get_by_label("price").fill("much")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.get_by_text('"much" is not a number')).to_be_visible()
    expect(page.get_by_text("is missing")).to_have_count(2)
    expect(page.get_by_label("since")).to_be_focused()
    pictured(page, "fields-invalid")


@pytest.mark.parametrize(
    ("language", "prediction", "range_"),
    [
        ("en-US", "R$ 555,558", "R$ 555,557 to R$ 555,559"),
        ("pt-BR", "R$ 555.558", "R$ 555.557 a R$ 555.559"),
    ],
)
def test_money_and_times_are_shown_as_people_write_them(
    open_page: Open, language: str, prediction: str, range_: str
):
    page = open_page("/?model=prices", language=language)
    expect(page.get_by_label("at", exact=True)).to_have_value("2024-01-31T06:30")
    page.locator("[data-example]").last.click()
    expect(page.locator(".prediction")).to_have_text(prediction)
    expect(page.locator("#result")).to_contain_text(range_)
    expect(page.get_by_label("at", exact=True)).to_have_value("2024-01-31T06:30")
    response = page.request.post("/models/prices/predict", data=sent(page)).json()
    assert response["prediction"] == pytest.approx(555_557.5, abs=0.01)
    expect(page.locator("#field-1-limits")).to_contain_text("2022-01-08 06:00")
    pictured(page, f"times-{language}")


def test_a_card_and_a_list_show_dates_and_a_readable_few_digits(open_page: Open):
    page = open_page("/models/flats/card")
    expect(page.get_by_role("row", name="since")).to_contain_text("2022-01-08 to 2024-10-04")
    expect(page.get_by_role("row", name="price")).to_contain_text("100 to 1,234,568")
    page = open_page("/?model=prices")
    ask(page)
    page.goto("/monitor/prices/predictions")
    page.wait_for_function("() => document.querySelector('tbody') || location.reload()")
    expect(page.locator("tbody tr").first).to_contain_text("555,558")
    pictured(page, "fields-list")


def test_fields_of_every_kind_are_explained_and_can_be_changed(open_page: Open):
    page = open_page("/?model=flats", language="pt-BR")
    ask(page, "pt-BR")
    why = page.locator("#why")
    expect(why.get_by_text("note = so good aumenta P(yes) em")).to_contain_text(" ± ")
    expect(why).to_contain_text("rooms = (ausente) quase não muda P(yes)")
    expect(why).to_contain_text("Estimado por amostragem: ± é o erro padrão")
    part = page.locator("#what-if")
    for field, value in (("note", "so bad"), ("since", "2024-03-01"), ("price", "99,5")):
        part.get_by_label("Campo").select_option(field)
        part.get_by_label("Novo valor", exact=True).fill(value)
    part.get_by_label("Campo").select_option("member")
    part.get_by_label("Novo valor").select_option("não")
    status = part.get_by_role("status")
    expect(status).to_contain_text(
        "Alterado: since = 2024-03-01, member = não, note = so bad, price = 99,5"
    )
    expect(status.locator(".would")).to_have_text("no")
    expect(status.locator(".warning")).to_contain_text("99.5 is below 100")
    expect(part.get_by_text("note = so bad diminui P(yes) em")).to_be_visible()
    pictured(page, "sampled")
