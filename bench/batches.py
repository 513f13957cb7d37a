"""Batches over HTTP: the service with its forest walked and with ONNX Runtime, in turns.

Both servers run all the time and get two seconds of load in turn, so the ratio of each turn
compares neighbours in time. ONNX Runtime alone computes the same batch in the same turns.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import msgspec

from bench import ceiling, processes, wrk
from bench.errors import BenchError
from bench.measure import BATCHERS, SETTLING
from bench.ratio import ratio
from bench.server import Server, serving
from bench.targets import SERVICE, UNRECORDED
from bench.workload import BATCH, MODEL, workload
from serving.models.artefact import FOREST
from serving.models.model_folder import MANIFEST

SECONDS = 2


def ratios(turns: int, *, recorded: bool) -> Iterator[str]:
    """Lines of rows a second and processor time a row, and of each ratio.

    Raises
    ------
    BenchError
        If a request fails.
    """
    wrk.require()
    work, target = workload(), SERVICE if recorded else UNRECORDED
    rates: dict[str, list[float]] = {"forest": [], "ONNX": [], "alone": []}
    times: dict[str, list[float]] = {"forest": [], "ONNX": []}
    with ExitStack() as running:
        models = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        _without_forest(models)
        settings = {**target.settings, "MODELS_DIR": str(models)}
        targets = {"forest": target, "ONNX": replace(target, settings=settings)}
        servers = {
            name: running.enter_context(serving(each, work)) for name, each in targets.items()
        }
        for name, server in servers.items():
            _require_backend(server, name)
        for turn in range(turns):
            for name in servers if turn % 2 else reversed(servers):
                for server in servers.values():  # collectors have work left, too
                    processes.rest(server.pid, SETTLING)
                rate, microseconds = _load(servers[name])
                rates[name].append(rate)
                times[name].append(microseconds)
            rates["alone"].append(ceiling.rows_per_second(work, SECONDS))
    for name, found in rates.items():
        used = f", {median(times[name]):5.2f} µs of processor a row" if name in times else ""
        yield f"{name:7} {median(found):9,.0f} rows/s{used}"
    for over, under in (("forest", "ONNX"), ("forest", "alone"), ("ONNX", "alone")):
        yield f"rows/s, {over} ÷ {under}: {ratio(rates[over], rates[under])}"
    yield f"processor time, ONNX ÷ forest: {ratio(times['ONNX'], times['forest'])}"


def _require_backend(server: Server, name: str) -> None:
    """Check that a server computes by what it stands for: two that do the same look like a result.

    Raises
    ------
    BenchError
        If it does not.
    """
    with urlopen(f"{server.base_url}/models/{MODEL.parent.name}") as response:
        backend = json.load(response)["backend"]
    if backend != name.lower():
        raise BenchError(f"the server that stands for {name} computes by {backend}")


def _load(server: Server) -> tuple[float, float]:
    before = processes.tree_cpu_seconds(server.pid)
    run = wrk.run(server.many_url, server.many, connections=BATCHERS, seconds=SECONDS)
    if run.fault:
        raise BenchError(f"the service failed under load: {run.fault}")
    used = processes.tree_cpu_seconds(server.pid) - before
    return run.per_second * BATCH, used / run.requests / BATCH * 1e6


def _without_forest(models: Path) -> None:
    """Copy the model without the table of its trees."""
    shutil.copytree(MODEL.parent, models / MODEL.parent.name)
    folder = models / MODEL.parent.name / MODEL.name
    (folder / FOREST).unlink()
    manifest = msgspec.json.decode((folder / MANIFEST).read_bytes())
    del manifest["files"][FOREST]
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
