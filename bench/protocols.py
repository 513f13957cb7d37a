"""What a protocol costs, compared with the service's own JSON: over HTTP, in turns.

The service, and MLServer where its environment is installed, run all the time. In each turn every
kind of request gets two seconds of load, so each ratio compares neighbours in time. Processor time
is that of the processes that answer: it depends less on what else the machine does than requests a
second do. The collector's is not in it, as its work waits until the processors are free.
"""

import http.client
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import numpy as np

from bench import processes, wrk
from bench.environments import ENVIRONMENTS
from bench.errors import BenchError
from bench.measure import BATCHERS, TYPICAL
from bench.server import TOLERANCE, Server, serving
from bench.targets import BATCH, FIRST, MLSERVER, SERVICE
from bench.workload import Workload, workload
from serving.api.protocols.v2.requests import HEADER

SECONDS = 2
SETTLING = 3  # seconds in which a collector may catch up before the next load
NICENESS = 16  # its place among the fields of /proc/PID/stat
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


class Measured(NamedTuple):
    """How many requests were answered in a second, and in a second of a processor."""

    per_second: float
    per_processor_second: float


class Load(NamedTuple):
    """A kind of request with some wines, to be sent again and again over some connections."""

    kind: Kind
    server: Server
    body: Path
    headers: Mapping[str, str]
    connections: int

    def measure(self) -> Measured:
        """Send it for some seconds.

        Raises
        ------
        BenchError
        """
        before = _used(self.server.pid)
        run = wrk.run(
            self.server.base_url + self.kind.path,
            self.body,
            connections=self.connections,
            seconds=SECONDS,
            headers=self.headers,
        )
        if run.fault:
            raise BenchError(f"{self.kind.name} failed under load: {run.fault}")
        used = _used(self.server.pid) - before
        processes.rest(self.server.pid, SETTLING)  # a collector has work left
        return Measured(run.per_second, run.requests / used)


def _used(root: int) -> float:
    """Return the processor seconds of the processes of a server that have its own priority."""
    priority = processes.stat(root)[NICENESS]
    of_server = (
        each for each in processes.tree(root) if processes.stat(each)[NICENESS] == priority
    )
    return sum(map(processes.cpu_seconds, of_server))


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


def _rates(loads: list[Load], turns: int) -> dict[str, list[Measured]]:
    """Put each load on its server in turn; return what was measured by the kind of request."""
    rates: dict[str, list[Measured]] = {load.kind.name: [] for load in loads}
    for load in loads:
        load.measure()  # warms it up
    for turn in range(turns):
        for load in loads if turn % 2 else reversed(loads):
            rates[load.kind.name].append(load.measure())
    return rates


def _compared(title: str, rates: dict[str, list[Measured]], rows: int) -> Iterator[str]:
    for name, found in rates.items():
        per_second, per_processor_second = (median(each) for each in zip(*found, strict=True))
        used = 1e6 / per_processor_second / rows
        yield f"{title}, {name}: {per_second * rows:,.0f} rows/s, {used:.2f} µs of processor a row"
        for under in (OWN, THEIRS):
            if under in rates and name != under:
                by_time, by_processor = (
                    _ratio(each, other)
                    for each, other in zip(
                        zip(*found, strict=True), zip(*rates[under], strict=True), strict=True
                    )
                )
                yield f"    ÷ {under}: rows/s {by_time}, rows for its processor time {by_processor}"


def _ratio(over: Iterable[float], under: Iterable[float]) -> str:
    pairs = [a / b for a, b in zip(over, under, strict=True)]
    low, middle, high = quantiles(pairs, n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


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
