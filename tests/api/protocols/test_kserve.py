"""KServe V1 and TensorFlow Serving's REST API, through Flask and without it."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import BAD, GOOD, body, moved, predict, wine
from deciding import KEY, decide, newer
from flask.testing import FlaskClient
from keyed import KEYS, bearing

from app import create_app
from serving.settings import Settings

PATH = "/v1/models/wine:predict"


def post(client: FlaskClient, sent: Any, path: str = PATH, **headers: str) -> Any:
    return client.post(path, **body(sent), headers=headers)


def predicted(client: FlaskClient, sent: Any, path: str = PATH) -> Any:
    response = post(client, sent, path)
    assert response.status_code == 200, response.json
    return response.json


def columns(*records: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [each[name] for each in records] for name in records[0]}


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


def test_a_method_that_the_model_has_not_is_refused(client: FlaskClient):
    sent = {"signature_name": "predict_interval", "instances": [GOOD]}
    refused = post(client, sent)
    assert refused.status_code == 400
    assert refused.json["error"].endswith("it has predict and predict_proba")


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


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("wine/versions/9:predict", "9"),
        ("wine/labels/canary:predict", "it has stable"),
        ("wime:predict", "try 'wine'"),
    ],
)
def test_an_unknown_model_version_or_label_is_a_404(client: FlaskClient, path: str, words: str):
    refused = post(client, {"instances": [GOOD]}, f"/v1/models/{path}")
    assert refused.status_code == 404
    assert words in refused.json["error"]
    assert refused.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/v1/models/wine/3", "/v1/nothing", "/v1"])
def test_a_path_without_a_route_has_its_error_where_clients_read_it(client: FlaskClient, path: str):
    refused = post(client, {}, path)
    assert refused.status_code == 404
    assert refused.json["error"].startswith(f"{path} does not exist")


@pytest.mark.parametrize("path", [PATH, "/v1/models/wine/labels/stable:predict"])
def test_a_verb_is_only_posted_to(client: FlaskClient, path: str):
    refused = client.get(path)
    assert refused.status_code == 405
    assert {*refused.headers["Allow"].split(", ")} == {"OPTIONS", "POST"}
    assert "allows OPTIONS, POST, not GET" in refused.json["error"]


def test_a_colon_may_be_encoded(client: FlaskClient):
    sent = {"instances": [GOOD]}
    assert predicted(client, sent, "/v1/models/wine%3Apredict")["predictions"] == ["bom"]


def test_every_fault_is_reported_in_one_text(client: FlaskClient):
    refused = post(client, {"instances": [wine(alcohol="x", pH=None), wine(density=-9e99)]})
    assert refused.status_code == 400
    assert refused.headers["Content-Type"] == "application/json"
    assert refused.json["error"].startswith("3 faults in the input: record 0: ")
    assert {(each["record"], each["field"]) for each in refused.json["errors"]} == {
        (0, "alcohol"),
        (0, "pH"),
        (1, "density"),
    }


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"instances": [GOOD], "inputs": [GOOD]}, "it has both"),
        ({}, "neither"),
        ({"instances": 3}, "3 is not an array"),
        ({"instances": []}, "the array is empty"),
        ({"instances": [1, 2]}, "1 is not a record"),
        ({"instances": [[1, 2]]}, "has 2 values"),
        ({"instances": [GOOD, [1, 2]]}, "record 1: has 2 values"),
        ({"instances": [GOOD | {"pH": [3, 3]}]}, "pH' has 2"),
        ({"instances": [GOOD], "signature_name": "score"}, "'score' is no method"),
        ({"inputs": [GOOD], "signature_name": []}, "is no method"),
        ([GOOD], "send a JSON object"),
    ],
)
def test_what_cannot_be_read_is_a_400_that_names_it(client: FlaskClient, sent: Any, words: str):
    refused = post(client, sent)
    assert refused.status_code == 400
    assert words in refused.json["error"].replace('"', "'")


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


def test_a_key_is_needed_as_for_every_prediction(settings: Settings):
    client = create_app(Settings(var_dir=settings.var_dir, api_keys=KEYS)).test_client()
    refused = post(client, {"instances": [GOOD]})
    assert (refused.status_code, refused.headers["Content-Type"]) == (401, "application/json")
    assert "this needs a key" in refused.json["error"]
    assert post(client, {"instances": [GOOD]}, **bearing("predict")).status_code == 200
    assert post(client, {"instances": [GOOD]}, **bearing("read")).status_code == 403
    assert post(client, {"instances": [GOOD]}, **bearing("shop")).status_code == 403


def test_more_records_than_allowed_are_refused(settings: Settings):
    limited = Settings(var_dir=settings.var_dir, max_records=2)
    client = create_app(limited).test_client()
    for sent in ({"instances": [GOOD] * 3}, {"instances": columns(GOOD, GOOD, GOOD)}):
        refused = post(client, sent)
        assert refused.status_code == 413
        assert "send at most 2" in refused.json["error"]


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
