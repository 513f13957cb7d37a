"""A model with dates, truth, texts and money is answered, recorded, described and shown."""

import csv
import io
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from artefacts import made, put_live
from conftest import body, moved
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from monitored import report_of
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from app import create_app
from serving.inputs.field import Field
from serving.inputs.numerals import Numerals
from serving.settings import Settings

LABELS = ("=cmd", "-5%", "fine")
FIELDS = (
    Field(name="since", type="date", format="%d/%m/%Y", seen=(19_000.0, 20_000.0)),
    Field(name="member", type="boolean"),
    Field(name="note", type="text"),
    Field(name="price", unit="R$", numerals=Numerals(",", ".")),
    Field(name="city", type="category", categories=("Lima", "other"), other="other"),
)
RECORD = {"since": "2024-01-31", "member": True, "note": "a: b", "price": 1234.5, "city": "Lima"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> tuple[FlaskClient, Settings]:
    random = np.random.default_rng(0)
    rows = 120
    frame = pd.DataFrame(
        {
            "since": pd.to_datetime(random.integers(19_000, 20_000, rows), unit="D"),
            "member": random.random(rows) < 0.5,
            "note": random.choice(["a: b", "never", "ever so good"], rows),
            "price": random.random(rows),
            "city": random.choice(["Lima", "other"], rows),
        }
    )
    prepare = make_column_transformer(
        (TfidfVectorizer(), "note"),
        (OneHotEncoder(), ["city"]),
        ("passthrough", ["member", "price"]),
    )
    target = np.array(LABELS)[np.arange(rows) % 3]
    fitted = make_pipeline(prepare, LogisticRegression(max_iter=9000)).fit(frame, target)
    days = (frame["since"] - pd.Timestamp(0)).dt.days.astype(float)
    artefact = made(
        "odd",
        fitted,
        frame.assign(since=days, member=frame["member"].astype(float)),
        fields=FIELDS,
        takes="frame",
        example=RECORD,
    )
    folder = tmp_path_factory.mktemp("odd")
    put_live(folder, artefact)
    settings = Settings(models_dir=folder, default_model="odd", var_dir=folder / "var")
    return create_app(settings).test_client(), settings


def post(client: FlaskClient, value: Any, **more: Any) -> Any:
    return client.post("/predict", **(body(value) | more))


def test_they_are_predicted_and_recorded_with_dates_and_labels(app: tuple[FlaskClient, Settings]):
    client, settings = app
    answer = post(client, RECORD)
    assert answer.status_code == 200, answer.text
    moved(settings)
    kept = client.get(f"/predictions/{answer.json['id']}").json
    assert kept["record"] == RECORD
    again = post(client, kept["record"]).json
    assert again["probabilities"] == answer.json["probabilities"]


def test_a_table_is_predicted_as_json_is(app: tuple[FlaskClient, Settings]):
    client, _ = app
    sent = "since;member;note;price;city\n31/01/2024;yes;a: b;R$ 1.234,5;Lima\n"
    answer = post(
        client, None, data=sent, content_type="text/csv", headers={"Accept": "application/json"}
    )
    (row,) = answer.json["predictions"]
    assert row["probabilities"] == post(client, RECORD).json["probabilities"]
    assert row["warnings"] == []


def test_no_cell_of_a_response_is_a_formula(app: tuple[FlaskClient, Settings]):
    client, settings = app
    sent = [RECORD | {"note": note, "city": "=Cusco"} for note in ("=1+1", "never", "-x", "@now")]
    answer = post(client, sent, headers={"Accept": "text/csv"})
    told = [*csv.DictReader(io.StringIO(answer.text))]
    said = [one["prediction"] for one in post(client, sent).json["predictions"]]
    assert [row["prediction"] for row in told] == [
        {"=cmd": "'=cmd", "-5%": "'-5%"}.get(label, label) for label in said
    ]
    assert {*said} & {"=cmd", "-5%"}
    moved(settings)
    listed = client.get("/models/odd/predictions", headers={"Accept": "text/csv"}).text
    cells = [cell for row in csv.reader(io.StringIO(listed.removeprefix("\ufeff"))) for cell in row]
    assert "'=1+1" in cells
    assert "'@now" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "@", "-5%", "-x"))]


def test_the_document_describes_what_may_be_sent(app: tuple[FlaskClient, Settings]):
    client, _ = app
    document = client.get("/openapi.json").json
    takes = Draft202012Validator(
        {"$ref": "#/components/schemas/odd.Record", "components": document["components"]}
    )
    values = {
        "since": ["2024-01-31", 7, None, True],
        "member": [True, False, 0, 1, 2, "yes", "True", "sim", "maybe", None, 0.5],
        "note": ["", "x: y", None, 7],
        "price": [7, -1.5, "R$ 7", None, True],
        "city": ["Lima", "Cusco", 7, True, None, []],
    }
    for name, sent in values.items():
        for value in sent:
            record = RECORD | {name: value}
            answered = post(client, record)
            assert takes.is_valid(record) == (answered.status_code == 200), record


def test_the_page_has_a_control_for_each(app: tuple[FlaskClient, Settings]):
    client, _ = app
    page = client.get("/", headers={"Accept": "text/html"}).text
    assert re.search(r'data-name="since"[^>]* type="date" value="2024-01-31"', page)
    assert "<textarea" in page
    assert "R$" in page


def test_dates_are_compared_and_texts_are_not(app: tuple[FlaskClient, Settings]):
    client, settings = app
    late = [RECORD | {"since": f"2031-01-{day:02}", "member": False} for day in range(1, 29)] * 8
    assert post(client, late).status_code == 200
    moved(settings)
    report = report_of(settings, "odd")
    assert "since" in report["report"]["drift"]["drifted"]
    assert "note" not in {each["field"] for each in report["report"]["drift"]["fields"]}
