"""Reasons are given for a label: the fields that push most towards it."""

import math
from pathlib import Path

import pytest
from conftest import body, wine
from explained import WHOLE, explained, predict, put_models, rejected
from flask.testing import FlaskClient
from plain_way import WAYS, ask

from app import create_app
from serving.settings import Settings


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    return Settings(models_dir=models, var_dir=tmp_path / "var", explain_samples=40)


@pytest.fixture(params=WAYS)
def client(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    return ask(create_app(settings), request.param).test_client()


def test_reasons_are_what_pushes_most_towards_the_label_the_weightiest_first(client: FlaskClient):
    record, label = rejected(client)
    whole = explained(client, "wine", record, f"explain&language=pt&reasons_for={label}")
    towards = [each for each in whole["contributions"] if each["contribution"] > 0]
    least = math.fsum(each["contribution"] for each in towards) / 100
    pushing = [each for each in towards if each["contribution"] > least]
    assert len(pushing) > 4
    assert whole["reasons"] == [
        {"code": each["field"], "sentence": each["sentence"]} for each in pushing[:4]
    ]
    for count in (1, 2, 9):
        few = explained(client, "wine", record, f"explain={count}&language=pt&reasons_for={label}")
        assert [each["code"] for each in few["reasons"]] == [
            each["field"] for each in pushing[:count]
        ]
        assert len(few["contributions"]) == count


def test_other_labels_have_no_reasons(client: FlaskClient):
    record, label = rejected(client)
    found = explained(client, "wine", record, "language=pt&reasons_for=bom")
    assert "reasons" not in found
    many = predict(client, "wine", [record, wine()], f"language=en&reasons_for={label}")
    has = ["reasons" in each["explanation"] for each in many["predictions"]]
    assert has == [each["prediction"] == label for each in many["predictions"]]


def test_what_is_not_certain_is_no_reason(client: FlaskClient):
    label = predict(client, "label", WHOLE, "")["prediction"]
    found = explained(client, "label", WHOLE, f"explain&language=en&reasons_for={label}")
    certain = {
        each["field"]
        for each in found["contributions"]
        if each["contribution"] > 1.96 * each["standard_error"]
    }
    assert {each["code"] for each in found["reasons"]} == certain
    assert certain < {each["field"] for each in found["contributions"]}


def test_numbers_have_no_label_that_reasons_are_for(client: FlaskClient):
    response = client.post("/models/amount/predict?language=pt&reasons_for=1", **body(WHOLE))
    assert response.status_code == 400
    assert "it predicts numbers" in response.json["detail"]
