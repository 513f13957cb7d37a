"""Requests of the Open Inference Protocol V2: tensors in JSON, and in the bytes behind it."""

import json
from typing import Any

import numpy as np
from conftest import body
from flask.testing import FlaskClient

INFER = "/v2/models/wine/infer"
OUTPUTS = ("predict", "predict_proba", "id", "warnings")
LENGTH = "Inference-Header-Content-Length"


def columns(*records: dict[str, Any]) -> list[dict[str, Any]]:
    """A column for each field, as PandasCodec sends them."""
    return [
        {
            "name": name,
            "shape": [len(records), 1],
            "datatype": "BYTES" if isinstance(value, str) else "FP64",
            "data": [record[name] for record in records],
        }
        for name, value in records[0].items()
    ]


def matrix(*records: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """One tensor, with the color as its code."""
    data = [[*[*record.values()][:-1], float(record["color"] == "white")] for record in records]
    shape = [len(records), len(data[0])]
    return [{"name": "input-0", "shape": shape, "datatype": "FP64", "data": data} | changes]


def binary(inputs: Any, parts: list[bytes], **others: Any) -> tuple[bytes, dict[str, str]]:
    """A body with binary inputs, and its header."""
    inputs = [
        {name: value for name, value in tensor.items() if name != "data"}
        | {"parameters": {"binary_data_size": len(part)}}
        for tensor, part in zip(inputs, parts, strict=True)
    ]
    head = json.dumps({"inputs": inputs, **others}).encode()
    return head + b"".join(parts), {LENGTH: str(len(head))}


def numbers(*records: dict[str, Any]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The inputs of a binary matrix, and its bytes."""
    (tensor,) = matrix(*records)
    return [tensor], [np.array(tensor["data"], "<f8").tobytes()]


def parts_of(answer: Any) -> dict[str, bytes]:
    """The bytes of each binary output of a response."""
    assert answer.content_type == "application/octet-stream"
    length = int(answer.headers[LENGTH])
    rest, found = answer.data[length:], {}
    for output in json.loads(answer.data[:length])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        assert "data" not in output
        found[output["name"]], rest = rest[:size], rest[size:]
    assert rest == b""
    return found


def infer(client: FlaskClient, inputs: Any, path: str = INFER, **others: Any) -> Any:
    return client.post(path, **body({"inputs": inputs, **others}))


def outputs(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {each["name"]: each["data"] for each in answer.json["outputs"]}


def error(answer: Any, status: int = 400) -> str:
    assert (answer.status_code, answer.content_type) == (status, "application/json")
    text: str = answer.json["error"]
    return text


def wanted(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]
