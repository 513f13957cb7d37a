"""What the Open Inference Protocol refuses, with all that is wrong at once."""

from typing import Any

import pytest
from conftest import body, wine
from flask.testing import FlaskClient
from tensors import (
    INFER,
    LENGTH,
    columns,
    error,
    infer,
    matrix,
    wanted,
)

from app import create_app
from serving.settings import Settings


def test_every_fault_is_reported_at_once(client: FlaskClient):
    records = [wine(alcohol=-1.5), wine(color="blue", pH=-3.5)]
    own = client.post("/predict", **body(records))
    answer = infer(client, columns(*records))
    assert answer.json["errors"] == own.json["errors"]
    text = error(answer)
    for part in ("3 faults", "record 0: alcohol:", "record 1: color:", "record 1: pH:"):
        assert part in text


@pytest.mark.parametrize(
    ("inputs", "part"),
    [
        ([], "empty"),
        (matrix(wine(), shape=[1, 11]), "has 12 elements"),
        (matrix(wine(), shape=[12]), "[n, 12]"),
        (matrix(wine(), shape=[2, 6]), "has 6 values; send 12"),
        (matrix(wine(), shape=[-1, 12]), "negative"),
        (matrix(wine(), shape=[1] * 11 + [12]), "8 dimensions"),
        (matrix(wine(), shape=[2, 0], data=[]), "[n, 12]"),
        (matrix(wine(), shape=[10**15, 0], data=[]), "[n, 12]"),
        (matrix(wine(), data=[[[[1]]] * 12]), "an array is no FP64"),
        (matrix(wine(), data=[10**400] * 12), "too large"),
        ([*matrix(wine(), shape=[0, 12], data=[]), *columns(wine())], "send one for each"),
        ([{**columns(wine())[-1], "parameters": {"content_type": []}}], "is missing"),
        (matrix(wine(), datatype="FP128"), "FP128"),
        (matrix(wine(), datatype="INT64"), "is no INT64"),
        (matrix(wine(), data="text"), "send an array"),
        (matrix(wine(), data=["1"] * 12), "is no FP64"),
        ([{"name": "pH", "shape": [1], "datatype": "FP64"}], "neither"),
        (columns(wine()) * 2, "repeated"),
        (columns(wine(), wine())[:1] + columns(wine())[1:], "send one for each record"),
        (columns(wine())[:-1], "color: is missing"),
        (matrix(wine(), parameters={"binary_data_size": 96}), LENGTH),
        ([{"name": 1}], "$.inputs[0].name"),
        (None, "$.inputs"),
    ],
)
def test_what_a_client_can_mend_is_a_400(client: FlaskClient, inputs: Any, part: str):
    assert part in error(infer(client, inputs))


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"outputs": wanted("low", "predict", "transform")}, '"low", "transform"'),
        ({"outputs": wanted("id", "predict", "id")}, 'repeated: "id"'),
        ({"outputs": [{"name": "id", "parameters": {"classification": 1}}]}, "no classes"),
        ({"outputs": [{"name": "predict", "parameters": {"classification": -1}}]}, "-1"),
    ],
)
def test_outputs_that_cannot_be_returned_are_named(client: FlaskClient, more: Any, part: str):
    assert part in error(infer(client, columns(wine()), **more))


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b'{"inputs": NaN}', b"\xff"])
def test_a_body_that_is_no_request_is_a_400(client: FlaskClient, sent: bytes):
    assert "inference request" in error(client.post(INFER, data=sent))


def test_too_many_records_are_refused(settings: Settings):
    client = create_app(Settings(var_dir=settings.var_dir, max_records=2)).test_client()
    assert "3 records" in error(infer(client, columns(*[wine()] * 3)), 413)


def test_a_message_lists_some_of_many_inputs(client: FlaskClient):
    text = error(infer(client, [{"name": "x", "shape": [1], "datatype": "none"}] * 500))
    assert "480 other inputs" in text
    assert len(text) < 9_000
