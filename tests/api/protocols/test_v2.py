"""The Open Inference Protocol V2: what its clients send and read, with the rules of the service."""

import json
from typing import Any

import numpy as np
import pytest
from conftest import body, moved, predict, wine
from flask.testing import FlaskClient
from plain_way import WAYS, ask
from scraping import scraped
from tensors import (
    INFER,
    OUTPUTS,
    binary,
    columns,
    error,
    infer,
    matrix,
    numbers,
    outputs,
    wanted,
)

from app import create_app
from serving.settings import Settings


def test_columns_and_matrices_are_predicted_as_our_own_records_are(client: FlaskClient):
    records = [wine(), wine(alcohol=8, color="white"), wine(alcohol=15.5)]
    own = predict(client, records)["predictions"]
    for inputs in (columns(*records), matrix(*records), columns(*records)[::-1]):
        found = outputs(infer(client, inputs, outputs=wanted(*OUTPUTS)))
        assert found["predict"] == [each["prediction"] for each in own]
        chances = [value for each in own for value in each["probabilities"].values()]
        assert found["predict_proba"] == chances
        assert [len(text) > 0 for text in found["warnings"]] == [False, False, True]
        assert len({*found["id"]}) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: {"data": [value for row in rows for value in row]},
        lambda rows: {"data": [rows[0], *rows[1]]},
        lambda _: {"datatype": "FP32"},
        lambda _: {"name": "predict", "parameters": {"content_type": "np", "more": 1}},
    ],
)
def test_data_may_be_flat_nested_or_both(client: FlaskClient, change: Any):
    records = [wine(), wine(alcohol=8)]
    (tensor,) = matrix(*records)
    asked = {"outputs": wanted("predict_proba")}
    expected = outputs(infer(client, [tensor], **asked))
    assert outputs(infer(client, [tensor | change(tensor["data"])], **asked)) == expected


def test_a_model_with_numbers_returns_intervals(client: FlaskClient):
    record = {name: value for name, value in wine().items() if name != "color"}
    own = client.post("/models/wine-score/predict", **body(record)).json
    asked = {"outputs": wanted("high", "predict", "low")}
    answer = infer(client, columns(record), "/v2/models/wine-score/infer", **asked)
    assert [each["name"] for each in answer.json["outputs"]] == ["high", "predict", "low"]
    assert outputs(answer) == {
        "high": [own["interval"]["high"]],
        "predict": [own["prediction"]],
        "low": [own["interval"]["low"]],
    }


def test_the_prediction_alone_is_the_default(client: FlaskClient):
    for more in ({}, {"outputs": []}):
        (output,) = infer(client, columns(wine()), **more).json["outputs"]
        expected = {"name": "predict", "datatype": "BYTES", "shape": [1, 1], "data": ["bom"]}
        assert {name: output[name] for name in expected} == expected


def test_a_version_may_be_named(client: FlaskClient):
    answer = infer(client, columns(wine()), "/v2/models/wine/versions/1/infer")
    assert outputs(answer) == {"predict": ["bom"]}
    assert answer.json["model_version"] == "1"
    error(infer(client, columns(wine()), "/v2/models/wine/versions/9/infer"), 404)


@pytest.mark.parametrize("way", WAYS)
def test_the_id_comes_back_and_is_recorded(settings: Settings, way: str):
    client = ask(create_app(settings), way).test_client()
    asked = {"outputs": wanted("id")}
    answer = infer(client, columns(wine()), id="order-17", **asked)
    assert answer.json["id"] == "order-17"
    (prediction_id,) = outputs(answer)["id"]
    assert infer(client, columns(wine()), id="not one of ours ✓", **asked).json["id"] == (
        "not one of ours ✓"
    )
    assert infer(client, columns(wine())).json["id"]
    client.post("/feedback", **body({"id": prediction_id, "actual": "bom"}))
    moved(settings).close()
    found = client.get(f"/predictions/{prediction_id}").json
    assert (found["own_id"], found["prediction"]) == ("order-17", "bom")
    assert found["request_id"] == answer.headers["X-Request-ID"]
    assert [each["actual"] for each in found["feedback"]] == ["bom"]


@pytest.mark.parametrize("label", [None, "application/octet-stream", "text/plain"])
def test_the_label_of_a_body_does_not_matter(client: FlaskClient, label: str | None):
    content = json.dumps({"inputs": columns(wine())})
    assert outputs(client.post(INFER, data=content, content_type=label)) == {"predict": ["bom"]}


def test_none_at_all_have_no_predictions(client: FlaskClient):
    empty = matrix(wine(), shape=[0, 12], data=[])
    answer = infer(client, empty, outputs=wanted(*OUTPUTS))
    assert outputs(answer) == {name: [] for name in OUTPUTS}
    assert [each["shape"] for each in answer.json["outputs"]] == [[0, 1], [0, 2], [0, 1], [0, 1]]


def test_classes_are_ranked_on_request(client: FlaskClient):
    own = predict(client, wine())["probabilities"]
    for name in ("predict", "predict_proba"):
        asked = [{"name": name, "parameters": {"classification": 5}}]
        (output,) = infer(client, columns(wine()), outputs=asked).json["outputs"]
        assert (output["datatype"], output["shape"]) == ("BYTES", [1, 2])
        (first, second) = [text.split(":") for text in output["data"]]
        assert float(first[0]) >= float(second[0])
        assert {text[2]: float(text[0]) for text in (first, second)} == own


def test_warnings_are_beside_the_outputs_too(client: FlaskClient):
    assert infer(client, columns(wine())).json["parameters"] == {}
    answer = infer(client, columns(wine(), wine(alcohol=15.5)))
    assert "record 1: alcohol: 15.5 is above" in answer.json["parameters"]["warnings"]


def test_single_precision_flips_no_label(client: FlaskClient):
    """A record on a threshold is predicted as its decimals are, however it was rounded."""
    records = [wine(alcohol=alcohol / 10) for alcohol in range(85, 145)]
    own = [each["probabilities"] for each in predict(client, records)["predictions"]]
    rounded = np.array(matrix(*records)[0]["data"], np.float32)
    (tensor,) = matrix(*records, datatype="FP32", data=rounded.astype(float).tolist())
    found = outputs(infer(client, [tensor], outputs=wanted("predict_proba")))["predict_proba"]
    assert found == [value for each in own for value in each.values()]
    content, header = binary([tensor], [rounded.tobytes()], outputs=wanted("predict_proba"))
    assert outputs(client.post(INFER, data=content, headers=header))["predict_proba"] == found


def test_missing_values_are_null_or_nan(client: FlaskClient):
    inputs = columns(wine())
    text = error(infer(client, [*inputs[1:], inputs[0] | {"data": [None]}]))
    assert "fixed acidity: null is not a number" in text
    tensors, _ = numbers(wine())
    content, header = binary(tensors, [np.full(12, np.nan, "<f8").tobytes()])
    assert "null is not a number" in error(client.post(INFER, data=content, headers=header))


def test_requests_are_counted_as_predictions(settings: Settings):
    client = create_app(settings).test_client()
    infer(client, columns(wine()))
    found = scraped(client)
    labels = 'route="/v2/models/<name>/infer",method="POST",status="200",predicts="true"'
    assert found[f"serving_requests_total{{{labels}}}"] == 1
    assert found['serving_predictions_total{model="wine",version="1",label="bom"}'] == 1


def test_plain_requests_are_answered_without_flask(settings: Settings):
    app = ask(create_app(settings), WAYS[0])
    client = app.test_client()
    infer(client, columns(wine()))
    infer(client, matrix(wine()))
    infer(client, columns(wine()), parameters={"binary_data_output": True})
    content, header = binary(*numbers(wine()))
    for kind in (None, "application/octet-stream", "application/json"):
        client.post(INFER, data=content, headers=header, content_type=kind)
    assert app.wsgi_app.answered == 6  # type: ignore[attr-defined]
    infer(client, [])
    client.post(INFER, data=content, content_type="application/octet-stream")
    assert app.wsgi_app.answered == 6  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS)
def test_a_text_may_be_base64_or_json(settings: Settings, way: str):
    client = ask(create_app(settings), way).test_client()
    *others, color = columns(wine())
    for content_type, text in (("base64", "cmVk"), ("base64", "red"), ("pd_json", '"red"')):
        tensor = color | {"data": [text], "parameters": {"content_type": content_type}}
        assert outputs(infer(client, [*others, tensor])) == {"predict": ["bom"]}


def test_explanations_take_no_thread_of_those_for_small_predictions(client: FlaskClient):
    route = client.application.extensions["front"].find_plain(INFER)
    assert route.is_prompt(b'{"inputs": []}')
    for spelled in (b"explanation", rb"\u0065xpl\u0061nation"):
        assert not route.is_prompt(b'{"inputs": [], "outputs": [{"name": "%s"}]}' % spelled)


def test_an_explanation_that_is_an_output_may_be_of_every_class(client: FlaskClient):
    for query, others in (("", None), ("?explain_classes=all", ["ruim"])):
        asked = wanted("explanation")
        (found,) = outputs(infer(client, columns(wine()), INFER + query, outputs=asked)).values()
        listed = json.loads(found[0]).get("others")
        assert (listed and [each["of"] for each in listed]) == others
