"""A prediction is explained alike wherever it is requested."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import body, wine
from explained import FEW, LOAN, WHOLE, explained, predict, put_models, total
from flask.testing import FlaskClient
from plain_way import WAYS, PlainFirst, ask
from streams import AS_LINES, as_csv, lines, read_table

from app import create_app
from serving.settings import Settings


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    return Settings(models_dir=models, var_dir=tmp_path / "var", **FEW)


@pytest.fixture(scope="module", params=WAYS)
def client(
    request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> FlaskClient:
    settings = Settings(models_dir=models, var_dir=tmp_path_factory.mktemp("var"), **FEW)
    return ask(create_app(settings), request.param).test_client()


def test_a_prediction_is_explained_field_by_field(client: FlaskClient):
    response = predict(client, "wine", wine())
    found = response["explanation"]
    assert found["unit"] == "probability"
    assert found["of"] == response["prediction"]
    assert found["output"] == response["probabilities"][found["of"]]
    assert {each["field"]: each["value"] for each in found["contributions"]} == wine()
    assert total(found) == pytest.approx(found["output"], abs=1e-9)
    assert "rest" not in found


def test_nothing_is_explained_that_nobody_wants_explained(client: FlaskClient):
    assert "explanation" not in client.post("/predict", **body(wine())).json
    many = client.post("/predict", **body([wine()] * 2)).json
    assert all("explanation" not in each for each in many["predictions"])


@pytest.mark.parametrize("model", ["wine", "loan", "amount", "label"])
def test_the_largest_contributions_are_listed_and_the_others_summed_up(
    client: FlaskClient, model: str
):
    record = wine() if model == "wine" else WHOLE
    whole = explained(client, model, record)
    few = explained(client, model, record, "explain=2")
    assert few["contributions"] == whole["contributions"][:2]
    assert total(few) == pytest.approx(total(whole), abs=1e-9)
    assert explained(client, model, record, "explain=99") == whole | {"rest": 0}


def test_a_category_is_one_field_whatever_it_is_encoded_to(client: FlaskClient):
    response = predict(client, "loan", LOAN, "explain&explain_classes=all")
    found = response["explanation"]
    assert (found["method"], found["unit"]) == ("linear", "log-odds")
    parts = [found, *found["others"]]
    for part in parts:
        assert {each["field"]: each["value"] for each in part["contributions"]} == LOAN
        assert total(part) == pytest.approx(part["output"], abs=1e-9)
    powers = {part["of"]: math.exp(part["output"]) for part in parts}
    shares = {label: power / sum(powers.values()) for label, power in powers.items()}
    assert shares == pytest.approx(response["probabilities"], abs=1e-9)


@pytest.mark.parametrize(
    "query",
    [
        "explain=0",
        "explain=x",
        "explain=-1",
        "explain=1.5",
        "explain=true",
        "explain=99999",
        "explain&explain_classes=some",
        "explain_classes=1",
    ],
)
@pytest.mark.parametrize(
    "path", ["/predict", "/v1/models/wine:predict", "/invocations", "/v2/models/wine/infer"]
)
def test_what_explain_cannot_mean_is_refused(client: FlaskClient, path: str, query: str):
    response = client.post(f"{path}?{query}", **body({"instances": [wine()]}))
    assert response.status_code == 400
    assert "explain" in response.json["detail"]


def test_an_invalid_record_is_refused_as_without_an_explanation(client: FlaskClient):
    for query in ("", "?explain"):
        response = client.post(f"/predict{query}", **body(wine(pH="sour")))
        assert response.status_code == 422
        assert [each["field"] for each in response.json["errors"]] == ["pH"]


def test_explanations_are_the_same_in_every_format_and_protocol(client: FlaskClient):
    records = [LOAN, {**LOAN, "debt": -2.5}]
    alone = [explained(client, "loan", each) for each in records]
    many = predict(client, "loan", records)["predictions"]
    assert [each["explanation"] for each in many] == alone
    inline = predict(client, "loan", [*records, {}], "explain&faults=inline")["predictions"]
    assert [each.get("explanation") for each in inline] == [*alone, None]

    sent = {"data": lines(*records), **AS_LINES}
    response = client.post("/models/loan/predict?explain", **sent)
    assert [json.loads(each)["explanation"] for each in response.text.splitlines()] == alone

    def post(path: str, content: Any) -> Any:
        response = client.post(path, **body(content))
        assert response.status_code == 200, response.text
        return response.json

    instances = {"instances": records}
    for path in (
        "/v1/models/loan:predict?explain",
        "/v1/models/loan:explain",
        "/v1/models/loan/versions/1:explain",
        "/serving-endpoints/loan/invocations?explain",
        "/endpoints/loan/invocations?explain",
        "/v1/projects/p/locations/l/endpoints/loan:predict?explain",
    ):
        answer = post(path, instances)
        assert answer["explanations"] == alone
        assert answer["predictions"] == [each["of"] for each in alone]

    listed = {"Accept": "application/jsonlines"}
    response = client.post("/endpoints/loan/invocations?explain", **sent, headers=listed)
    assert [json.loads(each)["explanation"] for each in response.text.splitlines()] == alone
    response = client.post("/serving-endpoints/loan/invocations?explain", **as_csv(*records))
    assert response.json["explanations"] == alone

    inputs = [
        {"name": name, "shape": [2], "datatype": kind, "data": [each[name] for each in records]}
        for name, kind in {
            "the income": "FP64",
            "debt": "FP64",
            "term": "INT64",
            "area": "BYTES",
            "purpose": "BYTES",
        }.items()
    ]
    named = {"inputs": inputs, "outputs": [{"name": "explanation"}]}
    for path, content in (
        ("/v2/models/loan/infer", named),
        ("/v2/models/loan/infer?explain", {"inputs": inputs}),
    ):
        output = post(path, content)["outputs"][-1]
        assert (output["name"], output["datatype"]) == ("explanation", "BYTES")
        assert [*map(json.loads, output["data"])] == alone
    described = client.get("/v2/models/loan").json["outputs"]
    assert "explanation" in {each["name"] for each in described}


def test_both_ways_to_be_answered_explain_alike(settings: Settings):
    plain, flask = (ask(create_app(settings), way).test_client() for way in WAYS)
    for model, record in (("wine", wine()), ("loan", LOAN)):
        one, other = (explained(each, model, record) for each in (plain, flask))
        assert one == other
    way = plain.application.wsgi_app
    assert isinstance(way, PlainFirst)
    assert way.answered == 0
    plain.post("/predict", **body(wine()))
    assert way.answered == 1


def test_more_predictions_than_allowed_are_not_explained(settings: Settings):
    client = create_app(replace(settings, max_explained=2)).test_client()
    many = {"data": lines(*[wine()] * 3), **AS_LINES}
    for sent in (body([wine()] * 3), many, as_csv(*[wine()] * 3)):
        assert client.post("/predict", **sent).status_code == 200
        refused = client.post("/predict?explain", **sent)
        assert refused.status_code == 413
        assert "send at most 2 at once" in refused.json["detail"]
    assert client.post("/predict?explain", **as_csv(*[wine()] * 2)).status_code == 200


def test_a_model_that_has_no_explanation_for_a_record_gives_the_reason(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    def fails(*_: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr("serving.models.explaining.sampling.Sampling.explain", fails)
    response = client.post("/models/amount/predict?explain", **body(WHOLE))
    assert response.json["prediction"]
    assert "failed" in response.json["explanation"]["reason"]
    (row,) = read_table(client.post("/models/amount/predict?explain", **as_csv(WHOLE)).text)
    assert "failed" in row["explanation"]
    assert row["base"] == ""
