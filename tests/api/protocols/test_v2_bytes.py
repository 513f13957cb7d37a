"""Tensors in the bytes behind the JSON of V2 are read and written as its clients do."""

import gzip
import json
import zlib
from typing import Any

import numpy as np
import pytest
from conftest import predict, wine
from flask.testing import FlaskClient
from tensors import (
    INFER,
    LENGTH,
    binary,
    columns,
    error,
    infer,
    numbers,
    outputs,
    parts_of,
    wanted,
)


def test_binary_tensors_are_read_and_written(client: FlaskClient):
    records = [wine(), wine(alcohol=8)]
    own = predict(client, records)["predictions"]
    content, header = binary(
        *numbers(*records),
        outputs=wanted("predict", "predict_proba"),
        parameters={"binary_data_output": True},
    )
    found = parts_of(client.post(INFER, data=content, headers=header))
    labels = [each["prediction"].encode() for each in own]
    assert found["predict"] == b"".join(len(each).to_bytes(4, "little") + each for each in labels)
    chances = [value for each in own for value in each["probabilities"].values()]
    assert np.frombuffer(found["predict_proba"], "<f8").tolist() == chances


def test_each_output_may_be_binary_or_not(client: FlaskClient):
    asked: Any = [
        {"name": "predict", "parameters": {"binary_data": False}},
        {"name": "predict_proba"},
    ]
    answer = infer(client, columns(wine()), outputs=asked, parameters={"binary_data_output": True})
    head = json.loads(answer.data[: int(answer.headers[LENGTH])])
    assert head["outputs"][0]["data"] == ["bom"]
    assert head["outputs"][1]["parameters"]["binary_data_size"] == 16
    asked = [{"name": "predict", "parameters": {"binary_data": True}}]
    assert parts_of(infer(client, columns(wine()), outputs=asked)) == {
        "predict": b"\x03\x00\x00\x00bom"
    }
    assert LENGTH not in infer(client, columns(wine())).headers
    asked = [{"name": "predict", "parameters": {"binary_data": None}}]  # as if it were left out
    answer = infer(client, columns(wine()), outputs=asked, parameters={"binary_data_output": True})
    assert [*parts_of(answer)] == ["predict"]


def test_binary_columns_and_columns_in_json_may_be_mixed(client: FlaskClient):
    first, *others = columns(wine())
    content, header = binary([first], [np.array(first["data"], "<f8").tobytes()])
    head = json.loads(content[: int(header[LENGTH])])
    color = others.pop()
    label = color["data"][0].encode()
    color = {name: value for name, value in color.items() if name != "data"}
    color["parameters"] = {"binary_data_size": len(label) + 4}
    head["inputs"] += [*others, color]
    sent = json.dumps(head).encode()
    content = sent + content[-8:] + len(label).to_bytes(4, "little") + label
    answer = client.post(INFER, data=content, headers={LENGTH: str(len(sent))})
    assert outputs(answer) == {"predict": ["bom"]}


@pytest.mark.parametrize(
    ("header", "cut", "part"),
    [
        ("-1", 0, LENGTH),
        ("x", 0, LENGTH),
        ("99999999", 0, LENGTH),
        ("9" * 5_000, 0, LENGTH),
        ("5", 0, "inference request"),
        ("0", 0, "12 inputs"),
        (None, 1, "binary inputs have"),
        (None, -1, "binary inputs have"),
    ],
)
def test_lengths_that_do_not_fit_are_a_400(
    client: FlaskClient, header: str | None, cut: int, part: str
):
    content, headers = binary(*numbers(wine()))
    headers = {LENGTH: header} if header else headers
    content = content + b"x" if cut < 0 else content[: len(content) - cut]
    assert part in error(client.post(INFER, data=content, headers=headers))


@pytest.mark.parametrize(
    ("datatype", "part", "text"),
    [
        ("FP64", b"1234567", "has 7 bytes"),
        ("BYTES", b"\x01\x00", "within the length"),
        ("BYTES", b"\x09\x00\x00\x00x", "within an element"),
        ("BYTES", b"\x01\x00\x00\x00x\x09\x00\x00\x00x", "within an element of 9 bytes"),
        ("BYTES", b"\x00\x00\x00\x00\x00\x00", "within the length"),
        ("BYTES", b"\x01\x00\x00\x00\xff", "not UTF-8"),
        ("BYTES", b"", "has 0 elements"),
    ],
)
def test_bytes_that_are_no_tensor_are_a_400(
    client: FlaskClient, datatype: str, part: bytes, text: str
):
    tensor = {"name": "color", "shape": [1], "datatype": datatype}
    content, header = binary([tensor], [part])
    assert text in error(client.post(INFER, data=content, headers=header))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_packed_bodies_have_the_length_of_the_json_unpacked(client: FlaskClient, pack: Any):
    content, header = binary(
        *numbers(*[wine()] * 300),
        parameters={"binary_data_output": True},
        outputs=wanted("predict_proba"),
    )
    plain = client.post(INFER, data=content, headers=header)
    encoding = "gzip" if pack is gzip.compress else "deflate"
    labels = {"Content-Encoding": encoding, "Accept-Encoding": encoding}
    answer = client.post(INFER, data=pack(content), headers=header | labels)
    assert answer.headers["Content-Encoding"] == encoding
    unpacked = zlib.decompress(answer.data, zlib.MAX_WBITS + 32)
    assert unpacked[int(answer.headers[LENGTH]) :] == parts_of(plain)["predict_proba"]


def test_what_is_not_inferred_is_not_packed(client: FlaskClient):
    """Triton's asynchronous client accepts gzip, and unpacks nothing but what `infer` returns."""
    accepting = {"Accept-Encoding": "gzip, deflate"}
    found = client.get("/v2/models/wine", headers=accepting)
    assert len(found.data) > 1024
    assert found.json["name"] == "wine"
    faulty = client.post(INFER, json={"inputs": []}, headers=accepting)
    assert faulty.json["error"]
    assert "Content-Encoding" not in {*found.headers.keys(), *faulty.headers.keys()}
