"""Labels are any text: each is served as it is, to the last byte, wherever it is shown."""

import csv
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from artefacts import made, put_live
from conftest import moved
from flask.testing import FlaskClient
from sklearn.tree import DecisionTreeClassifier

from app import create_app
from serving.settings import Settings

LABELS = [
    'say "hi"',
    "back\\slash",
    "two\nlines",
    "\x01 bell \x07",
    "__proto__",
    "",
    "x" * 300,
    "\u05e9\u05dc\u05d5\u05dd \u202e\u05e2\u05d5\u05dc\u05dd",
    "🍷 vinho",
    "Case",
    "case",
    "</script><img src=x onerror=alert(1)>",
    "{label} {0} %s",
    "a, b; c\td",
    " spaces ",
    "constructor",
    "carriage\rreturn",
    "nul \x00 within",
    "line\u2028separator",
]
FRAME = pd.DataFrame({"x": np.repeat(np.arange(float(len(LABELS))), 5), "y": 1.0})


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    models = tmp_path_factory.mktemp("models")
    codes = FRAME["x"].astype(int).to_numpy()
    estimator = DecisionTreeClassifier().fit(FRAME.to_numpy(), np.array(LABELS, object)[codes])
    put_live(models, made("any-text", estimator, FRAME))
    var_dir = tmp_path_factory.mktemp("var")
    return Settings(models_dir=models, default_model="any-text", var_dir=var_dir)


@pytest.fixture(scope="module")
def client(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


RECORDS = [{"x": float(x), "y": 1.0} for x in range(len(LABELS))]


def test_every_label_is_predicted_unchanged(client: FlaskClient):
    assert sorted(client.get("/example").json["probabilities"]) == sorted(LABELS)
    answers = client.post("/predict", json=RECORDS).json["predictions"]
    assert [each["prediction"] for each in answers] == LABELS
    for answer, label in zip(answers, LABELS, strict=True):
        assert answer["probabilities"] == {each: float(each == label) for each in LABELS}
    text = "".join(json.dumps(each) + "\n" for each in RECORDS)
    lines = client.post("/predict", data=text, content_type="application/jsonl")
    predictions = [json.loads(line) for line in lines.text.split("\n") if line]
    assert [each["prediction"] for each in predictions] == LABELS


def test_the_table_of_predictions_reads_back(client: FlaskClient):
    text = "x,y\n" + "".join(f"{each['x']},1\n" for each in RECORDS)
    answer = client.post("/predict", data=text, content_type="text/csv")
    rows = list(csv.reader(io.StringIO(answer.data.decode(), newline="")))
    assert {len(row) for row in rows} == {len(LABELS) + 4}
    assert len(rows) == len(LABELS) + 1
    # Whatever a spreadsheet is kept from taking for a formula, the rest stands as it is.
    plain = [label for label in LABELS if not label.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert [row[1] for row in rows[1:] if row[1] in plain] == plain


def test_feedback_with_any_label_is_recorded_and_found(client: FlaskClient, settings: Settings):
    for record, label in zip(RECORDS, LABELS, strict=True):
        named = client.post("/predict", json=record).json["id"]
        taken = client.post("/feedback", json={"id": named, "actual": label})
        assert taken.status_code in {200, 202}, taken.text
        assert client.get(f"/predictions/{named}").json["prediction"] == label
    moved(settings)
    assert client.get(f"/predictions/{named}").json["prediction"] == LABELS[-1]


def test_prometheus_can_read_every_label(client: FlaskClient):
    client.post("/predict", json=RECORDS)
    text = client.get("/metrics").data.decode()
    found = re.findall(r'label="((?:[^"\\\n]|\\.)*)"', text)
    read = {re.sub(r"\\(.)", lambda sign: {"n": "\n"}.get(sign[1], sign[1]), one) for one in found}
    assert set(LABELS) <= read
    for line in text.split("\n"):
        assert re.fullmatch(r'(#.*|\w+(\{(\w+="([^"\\\n]|\\.)*",?)*\})? \S+)?', line, re.DOTALL), (
            line
        )


@pytest.mark.parametrize("accepted", ["application/json", "text/html"])
def test_no_page_and_no_document_fails_or_runs_a_label(client: FlaskClient, accepted: str):
    paths = ["/", "/models", "/models/any-text", "/models/any-text/card", "/openapi.json", "/docs"]
    paths += ["/monitor", "/models/any-text/monitor", "/predict", "/models/any-text/versions"]
    for path in paths:
        answer = client.get(path, headers={"Accept": accepted})
        assert answer.status_code < 500, path
        if answer.mimetype == "text/html":
            assert "<img src=x" not in answer.text, path
    assert '"say \\"hi\\""' in client.get("/openapi.json").text


FIELDS = [
    'say "hi"',
    "back\\slash",
    "two\nlines",
    "\x01 bell",
    "__proto__",
    "x" * 300,
    "\u05e9\u05dc\u05d5\u05dd \u202e",
    "🍷",
    "Case",
    "case",
    "</script><img src=x onerror=alert(1)>",
    "{label} {0} %s",
    "a, b; c",
    "constructor",
    "=1+1",
    "id",
    "prediction",
]
RECORD = {name: float(at) for at, name in enumerate(FIELDS)}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service of a model whose fields have such names."""
    frame = pd.DataFrame([RECORD, {name: value + 1 for name, value in RECORD.items()}] * 5)
    estimator = DecisionTreeClassifier().fit(frame.to_numpy(), ["no", "yes"] * 5)
    models = tmp_path_factory.mktemp("models")
    put_live(models, made("any-field", estimator, frame))
    var_dir = tmp_path_factory.mktemp("var")
    settings = Settings(models_dir=models, default_model="any-field", var_dir=var_dir)
    return create_app(settings).test_client()


def test_fields_may_have_any_name_and_faults_name_them(other: FlaskClient):
    assert other.post("/predict", json=RECORD).json["prediction"] == "no"
    for name in FIELDS:
        refused = other.post("/predict", json=RECORD | {name: "much"})
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json["errors"]] == [name]
    text = io.StringIO()
    csv.writer(text).writerows([[*FIELDS, "unused\né"], [*RECORD.values(), 1]])
    answer = other.post("/predict", data=text.getvalue().encode(), content_type="text/csv")
    assert answer.status_code == 200
    assert answer.headers["X-Unused-Columns"] == "unused%0A%C3%A9"
    assert next(csv.DictReader(io.StringIO(answer.text)))["prediction"] == "no"


def test_no_page_fails_or_runs_the_name_of_a_field(other: FlaskClient):
    for path in ("/", "/models/any-field", "/models/any-field/card", "/openapi.json"):
        for accepted in ("text/html", "application/json"):
            answer = other.get(path, headers={"Accept": accepted})
            assert answer.status_code < 500, path
            if answer.mimetype == "text/html":
                assert "<img src=x" not in answer.text, path
