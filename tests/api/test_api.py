"""The HTTP contract: answers, warnings and what is served."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import (
    FASTEST,
    ROOT,
    body,
    wine,
)
from flask.testing import FlaskClient
from plain_way import WAYS, ask

from app import create_app
from serving.settings import Settings

PREDICT = ["/predict", "/models/wine/predict"]


@pytest.mark.parametrize("path", PREDICT)
@pytest.mark.parametrize("name", ["bom", "ruim"])
def test_the_good_and_the_bad_wine_get_their_labels(client: FlaskClient, path: str, name: str):
    answer = client.post(path, data=(ROOT / f"{name}.json").read_bytes())
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.json is not None
    assert answer.json["prediction"] == name
    assert answer.json["probabilities"][name] > 0.6
    assert (answer.json["model"], answer.json["version"]) == ("wine", 1)
    assert answer.json["warnings"] == []
    assert set(answer.json["probabilities"]) == {"bom", "ruim"}


def test_many_records_are_predicted_in_order_each_with_an_id(client: FlaskClient):
    good, bad = wine(), json.loads((ROOT / "ruim.json").read_text())
    answer = client.post("/predict", **body([bad, good, bad])).json
    assert [one["prediction"] for one in answer["predictions"]] == ["ruim", "bom", "ruim"]
    assert len({one["id"] for one in answer["predictions"]}) == 3
    assert (answer["model"], answer["version"]) == ("wine", 1)


def test_a_record_gets_the_same_prediction_alone_and_among_others(client: FlaskClient):
    wines = [wine(alcohol=8 + step / 20, pH=3 + step / 200) for step in range(100)]
    together = client.post("/predict", **body(wines)).json["predictions"]
    alone = [client.post("/predict", **body(one)).json for one in wines]
    for name in ("prediction", "probabilities", "warnings"):
        assert [one[name] for one in together] == [one[name] for one in alone]


def test_an_array_of_one_record_gets_an_array(client: FlaskClient):
    assert len(client.post("/predict", **body([wine()])).json["predictions"]) == 1


def test_the_label_follows_the_threshold_of_the_model_card(client: FlaskClient):
    threshold = client.get("/models/wine").json["threshold"]
    assert threshold["value"] != 0.5
    assert "F1" in threshold["reason"]
    alcohols = [8 + step / 10 for step in range(60)]
    answer = client.post("/predict", **body([wine(alcohol=value) for value in alcohols])).json
    for one in answer["predictions"]:
        reached = one["probabilities"][threshold["label"]] >= threshold["value"]
        assert one["prediction"] == ("bom" if reached else "ruim")


def test_warnings_name_extra_fields_and_values_training_did_not_see(client: FlaskClient):
    answer = client.post("/predict", **body(wine(alcohol=15.2) | {"quality": 8})).json
    assert answer["warnings"] == [
        {
            "field": "alcohol",
            "message": "15.2 is above 14.9, the highest value seen in training",
        },
        {"field": "quality", "message": "is not a field of this model and was ignored"},
    ]


@pytest.mark.parametrize("path", ["/example", "/models/wine/example"])
def test_the_example_is_a_record_with_its_prediction(client: FlaskClient, path: str):
    example = client.get(path).json
    predicted = client.post("/predict", **body(example["input"])).json
    del predicted["id"]
    assert example == {"input": example["input"], **predicted}


def test_models_lists_what_is_served_and_where(client: FlaskClient):
    listed = client.get("/models").json
    assert listed["default"] == "wine"
    (summary,) = (model for model in listed["models"] if model["name"] == "wine")
    assert summary["version"] == 1
    assert client.post(summary["predict"], **body(wine())).status_code == 200
    card = client.get(summary["card"]).json
    assert [field["name"] for field in card["fields"]] == list(wine())
    assert card["metrics"]["roc_auc"]["mean"] > 0.853
    assert card["backend"] == FASTEST


def test_health(client: FlaskClient):
    assert client.get("/health/live").json == {"status": "live"}
    ready = client.get("/health/ready").json
    assert ready["status"] == "ready"
    assert ready["models"]["wine"] == 1


@pytest.mark.parametrize("label", ["application/json; charset=utf-8", "application/ld+json", None])
def test_json_is_read_with_each_of_its_content_types(client: FlaskClient, label: str | None):
    answer = client.post("/predict", data=json.dumps(wine()), content_type=label)
    assert answer.status_code == 200


@pytest.mark.parametrize("call", [{"path": "/health/live"}, {"path": "/predict", **body(wine())}])
def test_a_client_may_send_a_valid_request_id(client: FlaskClient, call: dict[str, Any]):
    method = "POST" if "data" in call else "GET"
    named = client.open(**call, method=method, headers={"X-Request-ID": "order-7/1"})
    assert named.status_code == 200
    assert named.headers["X-Request-ID"] == "order-7/1"
    unsound = client.open(**call, method=method, headers={"X-Request-ID": 'x" onclick="'})
    assert len(unsound.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize("way", WAYS)
def test_the_default_model_has_another_path_if_one_is_set(tmp_path: Path, way: str):
    own = Settings(var_dir=tmp_path / "var", predict_route="/predictions")
    client = ask(create_app(own), way).test_client()
    for path in ("/predictions", "/predict"):
        answer = client.post(path, **body(wine()))
        assert (answer.status_code, answer.json["prediction"]) == (200, "bom")
    assert client.post("/predictions", **body(wine(alcohol=None))).status_code == 422
    assert "/predictions" in client.get("/openapi.json").json["paths"]


def test_a_plain_request_bypasses_flask_and_any_other_does_not():
    app = ask(create_app(Settings()), WAYS[0])
    came: list[str] = []
    app.before_request(lambda: came.append("here"))
    client = app.test_client()
    assert client.post("/predict", **body(wine())).status_code == 200
    assert client.post("/models/wine/predict", **body([wine(), wine()])).status_code == 200
    assert not came
    assert client.post("/predict", **body(wine(alcohol=None))).status_code == 422
    assert client.post("/predict", data="{}", content_type="text/xml").status_code == 415
    assert client.put("/predict").status_code == 405
    assert len(came) == 3
