"""What a protocol costs, compared with the service's own JSON: over HTTP, in turns.

The service, and MLServer where its environment is installed, run all the time. In each turn every
kind of request gets two seconds of load, so each ratio compares neighbours in time.
"""

import http.client
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import numpy as np

from bench import processes, wrk
from bench.environments import ENVIRONMENTS
from bench.errors import BenchError
from bench.measure import BATCHERS, SETTLING, TYPICAL
from bench.server import TOLERANCE, Server, serving
from bench.targets import BATCH, FIRST, MLSERVER, SERVICE
from bench.workload import Workload, workload
from serving.api.protocols.v2.requests import HEADER

SECONDS = 2
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


class Load(NamedTuple):
    """A kind of request with some wines, to be sent again and again over some connections."""

    kind: Kind
    server: Server
    body: Path
    headers: Mapping[str, str]
    connections: int

    def per_second(self) -> float:
        """Send it for some seconds; return how many were answered in each.

        Raises
        ------
        BenchError
        """
        run = wrk.run(
            self.server.base_url + self.kind.path,
            self.body,
            connections=self.connections,
            seconds=SECONDS,
            headers=self.headers,
        )
        if run.fault:
            raise BenchError(f"{self.kind.name} failed under load: {run.fault}")
        return run.per_second


def ratios(turns: int) -> Iterator[str]:
    """Yield lines of rows a second for each kind of request, and of their ratios.

    Raises
    ------
    BenchError
        If a response is not right, or a request fails.
    """
    wrk.require()
    work = workload()
    targets = {SERVICE.name: SERVICE}
    if (ENVIRONMENTS / MLSERVER.peer / "installed.txt").is_file():
        targets[MLSERVER.name] = MLSERVER
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        servers = {
            name: running.enter_context(serving(target, work)) for name, target in targets.items()
        }
        for wines, title in ((FIRST, "one row"), (BATCH, "1,000 rows")):
            loads = [
                _load(kind, servers[kind.server], work, wines, folder)
                for kind in KINDS
                if kind.server in servers
            ]
            yield from _compared(title, _rates(loads, turns), 1 if wines is FIRST else 1_000)


def _load(kind: Kind, server: Server, work: Workload, wines: slice, folder: Path) -> Load:
    """Write a request and check its response.

    Raises
    ------
    BenchError
    """
    content, headers = kind.write(work, wines)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", kind.path, content, {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status != http.client.OK or not _is_right(kind.read(answer), work, wines):
        raise BenchError(f"{kind.name} answered {response.status} {answer[:300]!r}")
    body = folder / f"{kind.name}-{wines.start}"
    body.write_bytes(content)
    return Load(kind, server, body, headers, TYPICAL if wines is FIRST else BATCHERS)


def _is_right(predicted: list[Any], work: Workload, wines: slice) -> bool:
    expected = work.probabilities[wines]
    if len(predicted) == len(expected) and isinstance(predicted[0], str):
        return set(predicted) <= {*work.classes}
    return np.shape(predicted) == np.shape(expected) and np.allclose(
        predicted, expected, rtol=0, atol=TOLERANCE
    )


def _rates(loads: list[Load], turns: int) -> dict[str, list[float]]:
    """Put each load on its server in turn; return requests a second by the kind of request."""
    rates: dict[str, list[float]] = {load.kind.name: [] for load in loads}
    for turn in range(turns):
        for load in loads if turn % 2 else reversed(loads):
            for server in {each.server.pid for each in loads}:  # a collector has work left, too
                processes.rest(server, SETTLING)
            rates[load.kind.name].append(load.per_second())
    return rates


def _compared(title: str, rates: dict[str, list[float]], rows: int) -> Iterator[str]:
    for name, found in rates.items():
        line = f"{title}, {name:22} {median(found) * rows:9,.0f} rows/s"
        for under in (OWN, THEIRS):
            if under in rates and name != under:
                pairs = [a / b for a, b in zip(found, rates[under], strict=True)]
                low, middle, high = quantiles(pairs, n=4)
                line += f"; ÷ {under} {middle:.2f} ({low:.2f} to {high:.2f})"
        yield line


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
