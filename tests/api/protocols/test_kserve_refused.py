"""What KServe's and TensorFlow Serving's protocol refuses, in one text for their clients."""

from typing import Any

import pytest
from conftest import GOOD, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing
from kserve_requests import PATH, columns, post

from app import create_app
from serving.settings import Settings


def test_a_method_that_the_model_has_not_is_refused(client: FlaskClient):
    sent = {"signature_name": "predict_interval", "instances": [GOOD]}
    refused = post(client, sent)
    assert refused.status_code == 400
    assert refused.json["error"].endswith("it has predict and predict_proba")


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
