"""KServe V1 and TensorFlow Serving's REST API, through Flask and without it."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import BAD, GOOD, moved, predict, wine
from deciding import KEY, decide, newer
from flask.testing import FlaskClient
from kserve_requests import PATH, columns, post

from app import create_app
from serving.settings import Settings


def predicted(client: FlaskClient, sent: Any, path: str = PATH) -> Any:
    response = post(client, sent, path)
    assert response.status_code == 200, response.json
    return response.json


@pytest.mark.parametrize(
    "sent",
    [
        {"instances": [GOOD, BAD]},
        {"inputs": [GOOD, BAD]},
        {"instances": [[*GOOD.values()], [*BAD.values()]]},
        {"instances": [columns(GOOD), columns(BAD)]},
        {"instances": [columns(GOOD, BAD)]},
        {"instances": columns(GOOD, BAD)},
        {"signature_name": "serving_default", "instances": [GOOD, BAD], "extra": 1},
    ],
    ids=["objects", "inputs", "lists", "columns of one", "columns", "object", "signature"],
)
def test_every_form_of_instances_is_predicted(client: FlaskClient, sent: Any):
    own = predict(client, [GOOD, BAD])
    response = predicted(client, sent)
    assert response["predictions"] == ["bom", "ruim"]
    assert response["predictions"] == [each["prediction"] for each in own["predictions"]]
    assert (response["model_name"], response["model_version"]) == ("wine", "1")
    assert len({*response["ids"]}) == 2


def test_inputs_by_column_are_answered_with_outputs(client: FlaskClient):
    sent = {name: [[each] for each in column] for name, column in columns(GOOD, BAD).items()}
    assert predicted(client, {"inputs": sent})["outputs"] == ["bom", "ruim"]


def test_the_order_of_the_fields_of_an_object_does_not_matter(client: FlaskClient):
    turned = dict(reversed(columns(GOOD, BAD).items()))
    assert predicted(client, {"instances": turned})["predictions"] == ["bom", "ruim"]


def test_the_signature_chooses_the_method(client: FlaskClient):
    own = predict(client, GOOD)["probabilities"]
    sent = {"signature_name": "predict_proba", "instances": [GOOD]}
    assert predicted(client, sent)["predictions"] == [[*own.values()]]


def test_a_model_with_intervals_has_them_by_its_signature(client: FlaskClient):
    example = client.get("/models/wine-score/example").json
    path = "/v1/models/wine-score:predict"
    sent = {"signature_name": "predict_interval", "instances": [example["input"]]}
    interval = example["interval"]
    assert predicted(client, sent, path)["predictions"] == [[interval["low"], interval["high"]]]
    plain = predicted(client, {"instances": [example["input"]]}, path)
    assert plain["predictions"] == [example["prediction"]]


@pytest.mark.parametrize("path", ["versions/1:predict", "labels/stable:predict"])
def test_a_version_is_chosen_by_its_number_or_label(client: FlaskClient, path: str):
    sent = {"instances": [GOOD]}
    assert predicted(client, sent, f"/v1/models/wine/{path}")["predictions"] == ["bom"]


def test_a_colon_may_be_encoded(client: FlaskClient):
    sent = {"instances": [GOOD]}
    assert predicted(client, sent, "/v1/models/wine%3Apredict")["predictions"] == ["bom"]


def test_nan_is_read_as_a_missing_value(client: FlaskClient):
    sent = json.dumps({"instances": [GOOD]}).replace(str(GOOD["alcohol"]), "NaN")
    refused = client.post(PATH, data=sent, content_type="application/json")
    assert [each["field"] for each in refused.json["errors"]] == ["alcohol"]
    named = json.dumps({"instances": [GOOD], "context": float("nan")})
    served = client.post(PATH, data=named, content_type="application/json")
    assert served.json["predictions"] == ["bom"]


def test_warnings_are_beside_the_predictions(client: FlaskClient):
    warned = predicted(client, {"instances": [GOOD, wine(alcohol=90, hue=1)]})["warnings"]
    assert {(each["record"], each["field"]) for each in warned} == {(1, "alcohol"), (1, "hue")}


def test_a_status_is_that_of_both_protocols(client: FlaskClient):
    assert client.get("/v1/models/wine").json == {
        "name": "wine",
        "ready": True,
        "model_version_status": [
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ],
    }
    for path in ("versions/1", "labels/stable"):
        assert client.get(f"/v1/models/wine/{path}").json["ready"] is True
    assert client.get("/v1/models/nothing").status_code == 404


def test_models_and_life_are_reported(client: FlaskClient):
    assert "wine" in client.get("/v1/models").json["models"]
    assert client.get("/").json["status"] == "alive"


def test_the_metadata_name_every_field(client: FlaskClient):
    described = client.get("/v1/models/wine/metadata").json
    signature = described["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert {*signature["inputs"]} == {*GOOD}
    assert described["model_spec"]["version"] == "1"


def test_explain_returns_explanations_beside_predictions(client: FlaskClient):
    response = post(client, {"instances": [GOOD]}, "/v1/models/wine:explain").json
    (explanation,) = response["explanations"]
    assert response["predictions"] == [explanation["of"]]
    assert {each["field"] for each in explanation["contributions"]} == {*GOOD}
    every = post(client, {"instances": [GOOD]}, "/v1/models/wine:explain?explain_classes=all").json
    assert [each["of"] for each in every["explanations"][0]["others"]] == ["ruim"]


def test_a_cloudevent_in_headers_is_answered_with_one(client: FlaskClient):
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "order-17",
        "ce-type": "test",
        "ce-source": "shop",
    }
    response = post(client, {"instances": [GOOD]}, **headers)
    assert response.json["predictions"] == ["bom"]
    assert response.headers["ce-id"] == "order-17"
    assert response.headers["X-Request-ID"] != "order-17"
    assert response.headers["ce-type"] == "io.kserve.inference.response"
    assert response.headers["ce-source"] == "io.kserve.inference.wine"


def test_a_structured_cloudevent_is_answered_with_one(client: FlaskClient):
    event = {"specversion": "1.0", "id": "order-18", "type": "test", "source": "shop"}
    sent = json.dumps(event | {"data": {"instances": [GOOD]}})
    response = client.post(PATH, data=sent, content_type="application/cloudevents+json")
    answered = json.loads(response.data)
    assert response.mimetype == "application/cloudevents+json"
    assert (answered["id"], answered["data"]["predictions"]) == ("order-18", ["bom"])
    broken = client.post(PATH, data="{}", content_type="application/cloudevents+json")
    assert broken.json["error"] == "the CloudEvent has no `specversion`"
    nested = '{"data": ' + "[" * 90_000
    broken = client.post(PATH, data=nested, content_type="application/cloudevents+json")
    assert (broken.status_code, "not a CloudEvent" in broken.json["error"]) == (400, True)


def test_predictions_are_recorded_with_the_callers_own_id(settings: Settings):
    client = create_app(settings).test_client()
    headers = {"ce-specversion": "1.0", "ce-id": "order-17", "X-Request-ID": "proxy"}
    ids = post(client, {"instances": [GOOD, BAD]}, **headers).json["ids"]
    with closing(moved(settings)) as store:
        kept = store.predictions("wine", limit=9)
    assert {each.id for each in kept} == {*ids}
    assert {each.own_id for each in kept} == {"order-17/0", "order-17/1"}
    assert {each.request_id for each in kept} == {"proxy"}


def test_the_label_canary_is_the_version_on_trial(models: Path, settings: Settings):
    version = newer(models)
    served = Settings(var_dir=settings.var_dir, models_dir=models, admin_keys=f"ana:{KEY}")
    client = create_app(served).test_client()
    assert decide(client, action="trial", version=version).status_code == 200
    sent = {"instances": [GOOD]}
    response = predicted(client, sent, "/v1/models/wine/labels/canary:predict")
    assert (response["predictions"], response["model_version"]) == (["bom"], str(version))
    listed = client.get("/v1/models/wine").json["model_version_status"]
    assert [each["version"] for each in listed] == ["1", str(version)]
