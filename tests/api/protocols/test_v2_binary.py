"""Requests with binary tensors keep every rule of the service, with and without Flask."""

import json
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from conftest import body, moved, predict, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing
from plain_way import WAYS, ask
from scraping import scraped
from tensors import INFER, LENGTH, OUTPUTS, binary, columns, numbers, parts_of, wanted

from app import create_app
from serving.settings import Settings

TENSORS = "application/octet-stream"


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


def asked(*records: dict[str, Any], **headers: str) -> dict[str, Any]:
    """The arguments of a request of binary tensors for every output in binary."""
    sent = numbers(*(records or (wine(),)))
    content, header = binary(
        *sent, outputs=wanted(*OUTPUTS), parameters={"binary_data_output": True}
    )
    return {"data": content, "headers": header | headers, "content_type": TENSORS}


def keyed(settings: Settings, way: str, **more: Any) -> FlaskClient:
    own = Settings(var_dir=settings.var_dir, api_keys=KEYS, **more)
    return ask(create_app(own), way).test_client()


@pytest.mark.parametrize("count", [1, 2, 1_000])
def test_a_request_gets_the_same_response_both_ways_but_for_its_ids(settings: Settings, count: int):
    records = [wine(alcohol=8 + place / 100) for place in range(count)]
    sent = []
    for each in WAYS:
        app = ask(create_app(settings), each)
        headers = {"X-Request-ID": "mine", "Accept-Encoding": "identity"}
        answer = app.test_client().post(INFER, **asked(*records, **headers))
        parts = parts_of(answer)
        ids = parts.pop("id")
        assert len(ids) > 30 * count
        sent.append((dict(answer.headers), parts))
        assert getattr(app.wsgi_app, "answered", 1) == 1
    for headers, _ in sent:
        assert headers.pop("Content-Length")
    assert sent[0] == sent[1]
    assert sent[0][0][LENGTH]


def test_what_is_recorded_is_what_json_records_would_be(settings: Settings, way: str):
    client = keyed(settings, way)
    headers = bearing("predict") | {"X-Subject": "ana:1", "X-Request-ID": "mine"}
    records = [wine(), wine(alcohol=15.5, color="white")]
    client.post(INFER, **asked(*records, **headers))
    client.post("/predict", **body(records), headers=headers)
    with closing(moved(settings)) as store:
        found = store.predictions("wine", limit=9)
    assert len(found) == 4
    assert {(each.key, each.subject, each.request_id) for each in found} == {
        ("predict", "ana:1", "mine")
    }
    seen = [(bytes(each.record), each.warnings, each.probabilities) for each in found]
    assert seen[:2] == seen[2:]
    assert sum(each.warnings is not None for each in found) == 2


def test_requests_and_predictions_are_counted(settings: Settings, way: str):
    client = ask(create_app(settings), way).test_client()
    client.post(INFER, **asked(wine(), wine()))
    found = scraped(client)
    labels = 'route="/v2/models/<name>/infer",method="POST",status="200",predicts="true"'
    assert found[f"serving_requests_total{{{labels}}}"] == 1
    assert found['serving_predictions_total{model="wine",version="1",label="bom"}'] == 2


@pytest.mark.parametrize(("who", "status"), [("predict", 200), ("read", 403), ("shop", 403)])
def test_a_key_is_needed_and_its_scope_and_models_hold(
    settings: Settings, way: str, who: str, status: int
):
    client = keyed(settings, way)
    assert client.post(INFER, **asked()).status_code == 401
    assert client.post(INFER, **asked(**bearing(who))).status_code == status


def test_a_key_has_a_limit(settings: Settings, way: str):
    client = keyed(settings, way, key_requests_per_second=2)
    sent = asked(**bearing("predict"))
    invalid = sent | {"data": sent["data"][:-1]}
    statuses = [client.post(INFER, **each).status_code for each in (sent, invalid, sent)]
    assert statuses == [200, 400, 429]


def test_a_subject_that_could_not_be_found_again_is_an_error(settings: Settings, way: str):
    client = ask(create_app(settings), way).test_client()
    assert client.post(INFER, **asked(**{"X-Subject": "a,b"})).status_code == 400


def test_too_many_records_are_refused(settings: Settings, way: str):
    own = Settings(var_dir=settings.var_dir, max_records=2)
    client = ask(create_app(own), way).test_client()
    assert client.post(INFER, **asked(wine(), wine())).status_code == 200
    assert client.post(INFER, **asked(wine(), wine(), wine())).status_code == 413


def test_tensors_are_no_body_of_other_protocols(client: FlaskClient):
    content = json.dumps(wine()).encode()
    header = {LENGTH: str(len(content))}
    refused = client.post("/predict", data=content, headers=header, content_type=TENSORS)
    assert refused.status_code == 415
    ignored = client.post("/predict", data=content, headers=header, content_type="application/json")
    assert ignored.json["prediction"] == "bom"


@pytest.mark.parametrize("datatype", ["FP64", "FP32", "FP16", "INT32", "UINT8"])
def test_columns_of_every_datatype_are_read_as_their_json_is(client: FlaskClient, datatype: str):
    dtype = {"FP64": "<f8", "FP32": "<f4", "FP16": "<f2", "INT32": "<i4", "UINT8": "u1"}
    records = [wine(alcohol=alcohol) for alcohol in (9, 10.5, 12.8, 1, 0, 14, 9)]
    values = np.array([each["alcohol"] for each in records], dtype.get(datatype, "?"))
    decimals = [float(str(each)) for each in values] if values.dtype.kind == "f" else values
    expected = [wine(alcohol=float(each)) for each in decimals]
    inputs = columns(*records)
    place = [each["name"] for each in inputs].index("alcohol")
    inputs[place] |= {"datatype": datatype, "data": [float(each) for each in values]}
    parts = []
    for each in inputs:
        if each["datatype"] == "BYTES":
            texts = [text.encode() for text in each["data"]]
            parts.append(b"".join(len(text).to_bytes(4, "little") + text for text in texts))
        elif each["name"] == "alcohol":
            parts.append(values.tobytes())
        else:
            parts.append(np.array(each["data"], "<f8").tobytes())
    content, header = binary(inputs, parts, outputs=wanted("predict_proba"))
    answer = client.post(INFER, data=content, headers=header)
    assert answer.status_code == 200, answer.text
    own = predict(client, expected)["predictions"]
    chances = [value for each in own for value in each["probabilities"].values()]
    assert answer.json["outputs"][0]["data"] == chances
