"""What a protocol costs, compared with the service's own JSON: over HTTP, in turns.

The service, and MLServer where its environment is installed, run all the time. In each turn every
kind of request gets two seconds of load, so each ratio compares neighbours in time. Processor time
is that of the processes that answer: it depends less on what else the machine does than requests a
second do. The collector's is not in it, as its work waits until the processors are free.
"""

import http.client
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from bench import processes, wrk
from bench.environments import ENVIRONMENTS
from bench.errors import BenchError
from bench.measure import BATCHERS, TYPICAL
from bench.protocol_requests import KINDS, OWN, THEIRS, Kind
from bench.ratio import ratio
from bench.server import TOLERANCE, Server, serving
from bench.targets import BATCH, FIRST, MLSERVER, SERVICE
from bench.workload import Workload, workload

SECONDS = 2
SETTLING = 3  # seconds in which a collector may catch up before the next load
NICENESS = 16  # its place among the fields of /proc/PID/stat


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
                pair = zip(*found, strict=True), zip(*rates[under], strict=True)
                by_time, by_processor = map(ratio, *pair)
                yield f"    ÷ {under}: rows/s {by_time}, rows for its processor time {by_processor}"
