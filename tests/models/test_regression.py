"""A number with its interval: answered, recorded, listed and learnt from; so any kind of label."""

import csv
import json
from typing import Any

import numpy as np
import pytest
from artefacts import made, put_live, records_of
from conftest import body, moved
from estimators import CASES, fitted, loans
from flask.testing import FlaskClient
from plain_way import WAYS, ask
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression

from app import create_app
from serving.settings import Settings

RECORD = records_of(loans(missing=False))[3]
MODELS = {
    "loan": "extra trees with an interval",
    "digit": "boosting of digits",
    "good": "a tree of yes and no",
    "risk": "no probabilities",
    "partly": "the logarithm of a number",
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    models = tmp_path_factory.mktemp("models")
    for name, case in MODELS.items():
        estimator, frame = fitted(CASES[case]), loans(missing=CASES[case].missing)
        put_live(models, made(name, estimator, frame, **CASES[case].says))
    growing = TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp)
    frame = loans(missing=False)[["the income"]]
    put_live(
        models, made("exponential", growing.fit(frame, frame["the income"]), frame, takes="frame")
    )
    linear = LinearRegression().fit(frame, frame["the income"])
    put_live(models, made("money", linear, frame, takes="frame", unit="R$"))
    clash = loans(missing=False)[["debt", "the income"]].set_axis(["id", "low"], axis=1)
    put_live(
        models, made("clash", LinearRegression().fit(clash, clash["id"]), clash, takes="frame")
    )
    return Settings(models_dir=models, default_model="loan", var_dir=models.parent / "var")


@pytest.fixture(scope="module", params=WAYS)
def client(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    return ask(create_app(settings), request.param).test_client()


def predicted(client: FlaskClient, model: str) -> str:
    """The id of a prediction."""
    return client.post(f"/models/{model}/predict", **body(RECORD)).json["id"]


def test_a_regression_predicts_a_number_and_its_interval(client: FlaskClient):
    answer = client.post("/predict", **body(RECORD)).json
    number = answer["prediction"]
    assert list(answer) == ["id", "prediction", "interval", "model", "version", "warnings"]
    assert answer["interval"] == {
        "low": number - 20_000,
        "high": number + 30_000,
        "coverage": 0.9,
    }
    among = client.post("/predict", **body([RECORD, RECORD])).json["predictions"][1]
    assert list(among) == ["id", "prediction", "interval", "warnings"]
    assert (among["prediction"], among["interval"]) == (number, answer["interval"])


def test_a_regression_s_card_tells_its_unit_and_interval(client: FlaskClient):
    card = client.get("/models/loan").json
    assert (card["task"], card["unit"], card["classes"]) == ("regression", "R$", [])
    assert card["interval"] == {
        "coverage": 0.9,
        "low": -20_000,
        "high": 30_000,
        "relative": False,
        "observed": 0.91,
        "rows": 500,
    }
    (summary,) = (one for one in client.get("/models").json["models"] if one["name"] == "loan")
    assert (summary["task"], summary["classes"]) == ("regression", [])


def test_a_recorded_number_has_its_interval_and_feedback(client: FlaskClient, settings: Settings):
    answer = client.post("/predict", **body(RECORD)).json
    sent = client.post("/feedback", **body({"id": answer["id"], "actual": 65_000}))
    assert (sent.status_code, sent.json["recorded"]) == (200, 1)
    for _ in ("from the journal", "from the store"):
        told = client.get(f"/predictions/{answer['id']}").json
        assert told["prediction"] == answer["prediction"]
        assert told["interval"] == {end: answer["interval"][end] for end in ("low", "high")}
        assert (told["actual"], told["record"]) == (65_000, RECORD)
        assert "probabilities" not in told
        moved(settings).close()


def test_numbers_are_listed_as_csv(client: FlaskClient, settings: Settings):
    sent = [RECORD | {"debt": None}, RECORD]
    first = client.post("/models/partly/predict", **body(sent)).json["predictions"][0]
    client.post("/feedback", **body({"id": first["id"], "actual": 1e-7}))
    moved(settings).close()
    listed = client.get("/models/partly/predictions?limit=2", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(listed.data.decode("utf-8-sig").splitlines()))
    by_id = {row["id"]: row for row in rows}
    assert list(rows[0]) == [
        *("id", "time", "version", *RECORD, "prediction", "low", "high", "actual"),
    ]
    told = by_id[first["id"]]
    assert (told["debt"], told["area"]) == ("", RECORD["area"])
    assert float(told["prediction"]) == first["prediction"]
    assert float(told["low"]) == first["interval"]["low"]
    assert float(told["actual"]) == 1e-7


def test_a_field_that_is_called_as_a_column_of_every_list_has_its_own(
    client: FlaskClient, settings: Settings
):
    answer = client.post("/models/clash/predict", **body({"id": 5, "low": 7})).json
    moved(settings).close()
    listed = client.get("/models/clash/predictions?limit=1", headers={"Accept": "text/csv"})
    (row,) = csv.DictReader(listed.data.decode("utf-8-sig").splitlines())
    assert (row["id"], row["id (field)"], row["low (field)"]) == (answer["id"], "5.0", "7.0")


@pytest.mark.parametrize("actual", [0, -3.5, 1e300, 12])
def test_a_regression_learns_from_finite_numbers(client: FlaskClient, actual: float):
    sent = client.post("/feedback", **body({"id": predicted(client, "loan"), "actual": actual}))
    assert sent.status_code == (200 if abs(actual) < 1e38 else 422)


@pytest.mark.parametrize(
    ("actual", "found"),
    [
        ("R$ 1.234,56", 1234.56),
        ("-R$ 5,00", -5),
        ("R$ (5,00)", -5),
        ("1234.5", 1234.5),
        ("1.234", "1.234 or 1234; send the number without quotes"),
        ("5 kg", "is not a number; send the number alone"),
        ("NA", "is not a number"),
    ],
)
def test_feedback_may_have_the_unit_of_the_target(
    client: FlaskClient, settings: Settings, actual: str, found: Any
):
    named = predicted(client, "money")
    sent = client.post("/feedback", **body({"id": named, "actual": actual}))
    if isinstance(found, str):
        assert found in sent.json["errors"][0]["message"]
        return
    assert sent.status_code == 200
    moved(settings).close()
    (known,) = (
        each
        for each in client.get("/models/money/predictions").json["predictions"]
        if each["id"] == named
    )
    assert known["actual"] == found


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        ('"high"', '"high" is not a number'),
        ("true", "true is not a number"),
        ("null", "null is not a number"),
        ("[5]", "an array is not a number"),
        ("1e999", "Infinity is above"),
    ],
)
def test_nor_from_anything_else(client: FlaskClient, actual: str, message: str):
    sent = f'{{"id": "{predicted(client, "loan")}", "actual": {actual}}}'
    (fault,) = client.post("/feedback", data=sent).json["errors"]
    assert fault["field"] == "actual"
    assert message in fault["message"]


@pytest.mark.parametrize(
    ("model", "actual", "label"),
    [
        ("digit", 8, "8"),
        ("digit", "8", "8"),
        ("good", True, "True"),
        ("good", "False", "False"),
        ("risk", "médio", "médio"),
    ],
)
def test_feedback_may_write_a_label_in_every_form_of_json(
    client: FlaskClient, model: str, actual: Any, label: str
):
    named = predicted(client, model)
    assert client.post("/feedback", **body({"id": named, "actual": actual})).status_code == 200
    assert client.get(f"/predictions/{named}").json["actual"] == label


@pytest.mark.parametrize(("model", "actual"), [("digit", 7), ("good", 7), ("risk", True)])
def test_what_is_no_label_is_refused_with_those_that_are(
    client: FlaskClient, model: str, actual: Any
):
    sent = {"id": predicted(client, model), "actual": actual}
    (fault,) = client.post("/feedback", **body(sent)).json["errors"]
    assert f"{json.dumps(actual)} is not a label of this model; send one of" in fault["message"]


def test_a_record_too_far_out_for_the_model_is_named(client: FlaskClient):
    far = RECORD | {"the income": 1e30}
    answer = client.post("/models/exponential/predict", **body([RECORD, far]))
    assert answer.status_code == 422
    (fault,) = answer.json["errors"]
    assert fault == {
        "record": 1,
        "message": "the model has no finite prediction for this record; its values are too extreme",
    }
