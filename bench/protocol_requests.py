"""The kinds of requests that `python -m bench protocols` compares."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bench.targets import MLSERVER, SERVICE
from bench.workload import Workload
from serving.api.protocols.v2.requests import HEADER

OWN, THEIRS = "own JSON", "MLServer, V2 JSON"
PROBABILITIES: dict[str, Any] = {"outputs": [{"name": "predict_proba"}]}
BINARY = {**PROBABILITIES, "parameters": {"binary_data_output": True}}

Sent = tuple[bytes, dict[str, str]]  # a body, and headers


class Kind(NamedTuple):
    """A kind of request: where it is sent, how wines become one, and how predictions are read.

    Attributes
    ----------
    read : callable
        From the body of a response to a label, or a list of probabilities, for each wine.
    """

    name: str
    path: str
    write: Callable[[Workload, slice], Sent]
    read: Callable[[bytes], list[Any]]
    server: str = SERVICE.name


def _json(make: Callable[[Workload, slice], Any], work: Workload, wines: slice) -> Sent:
    return json.dumps(make(work, wines)).encode(), {}


def _member(name: str, work: Workload, wines: slice) -> Any:
    return {name: work.records[wines]}


def _split(work: Workload, wines: slice) -> Any:
    data = [[*record.values()] for record in work.records[wines]]
    return {"dataframe_split": {"columns": work.fields, "data": data}}


def _csv(work: Workload, wines: slice) -> Sent:
    """Write lines of values without one of names."""
    lines = [",".join(map(str, record.values())) for record in work.records[wines]]
    return "\n".join(lines).encode(), {"Content-Type": "text/csv"}


def _matrix(dtype: str, work: Workload, wines: slice) -> Sent:
    """Write the rows as one binary tensor."""
    values = np.array(work.rows[wines], dtype)
    return _binary([("wines", f"FP{8 * values.itemsize}", [*values.shape], values.tobytes())])


def _columns(work: Workload, wines: slice) -> Sent:
    """Write a binary tensor for each field, labels as texts."""
    tensors = []
    for name in work.fields:
        column = [record[name] for record in work.records[wines]]
        if isinstance(column[0], str):
            content = b"".join(len(text).to_bytes(4, "little") + text.encode() for text in column)
        else:
            content = np.array(column, "<f8").tobytes()
        kind = "BYTES" if isinstance(column[0], str) else "FP64"
        tensors.append((name, kind, [len(column), 1], content))
    return _binary(tensors)


def _binary(tensors: list[tuple[str, str, list[int], bytes]]) -> Sent:
    inputs = [
        {
            "name": name,
            "datatype": datatype,
            "shape": shape,
            "parameters": {"binary_data_size": len(content)},
        }
        for name, datatype, shape, content in tensors
    ]
    head = json.dumps({"inputs": inputs, **BINARY}).encode()
    return head + b"".join(tensor[-1] for tensor in tensors), {HEADER: str(len(head))}


def _own(answer: bytes) -> list[Any]:
    predicted = json.loads(answer)
    return [each["prediction"] for each in predicted.get("predictions", [predicted])]


def _pairs(answer: bytes) -> list[Any]:
    values: list[float] = json.loads(answer)["outputs"][0]["data"]
    return np.reshape(values, (-1, 2)).tolist()


def _binary_pairs(answer: bytes) -> list[Any]:
    _, end = json.JSONDecoder().raw_decode(answer.decode("latin-1"))
    return np.frombuffer(answer[end:], "<f8").reshape(-1, 2).tolist()


def _predictions(answer: bytes) -> list[Any]:
    found: list[Any] = json.loads(answer)["predictions"]
    return found


V2 = "/v2/models/wine/infer"
V1, MLFLOW = "/v1/models/wine:predict", "/serving-endpoints/wine/invocations"
KINDS = (
    Kind(OWN, SERVICE.path, partial(_json, SERVICE.encode), _own),
    Kind("V2 JSON", V2, partial(_json, MLSERVER.encode), _pairs),
    Kind("V2 binary", V2, partial(_matrix, "<f8"), _binary_pairs),
    Kind("V2 binary, FP32", V2, partial(_matrix, "<f4"), _binary_pairs),
    Kind("V2 binary, columns", V2, _columns, _binary_pairs),
    Kind("V1", V1, partial(_json, partial(_member, "instances")), _predictions),
    Kind(
        "MLflow records",
        MLFLOW,
        partial(_json, partial(_member, "dataframe_records")),
        _predictions,
    ),
    Kind("MLflow frame", MLFLOW, partial(_json, _split), _predictions),
    Kind("SageMaker CSV", "/invocations", _csv, json.loads),
    Kind(THEIRS, V2, partial(_json, MLSERVER.encode), _pairs, MLSERVER.name),
)
