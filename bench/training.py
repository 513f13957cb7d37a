"""How long a training takes by two workers of a cluster, beside two processors of this machine."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.server import free_ports
from bench.workload import ROOT

PYTHON = ROOT / "tests" / "cluster" / ".venv" / "bin" / "python"
PATIENCE = 60.0  # seconds for two workers
NUMBERS = 20


def measure(rows: int, estimator: str, turns: int) -> Iterator[str]:
    """Train on the same rows here and by two workers, in turns."""
    if not PYTHON.exists():
        raise BenchError("there is no environment with Dask: run make test-cluster once")
    took: dict[str, list[float]] = {"here": [], "two workers": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        file = folder / "data.parquet"
        _write(rows, file)
        with _cluster(folder) as url:
            for _ in range(turns):
                took["here"].append(_train(file, folder, estimator))
                took["two workers"].append(_train(file, folder, estimator, "--on", url))
    for name, each in took.items():
        yield f"{name}: {rows:,} rows of {NUMBERS} numbers, {estimator}, {median(each):.0f} s"
    ratio = median(took["two workers"]) / median(took["here"])
    yield f"two workers / here, on {os.cpu_count()} processors: {ratio:.2f}"


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """Start a scheduler and two workers with a thread each; yield the address for --on."""
    (port,) = free_ports(1)
    with ExitStack() as stack:
        scheduler = ("scheduler", "--host", "127.0.0.1", "--port", port)
        worker = ("worker", f"tcp://127.0.0.1:{port}", "--nthreads", "1")
        logs = []
        for name, (kind, *arguments) in enumerate((scheduler, worker, worker)):
            logs.append(folder / f"{name}.log")
            file = stack.enter_context(logs[-1].open("w"))
            command = [PYTHON, "-m", f"distributed.cli.dask_{kind}", *arguments, "--no-dashboard"]
            process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        until = time.monotonic() + PATIENCE
        while not all("Registered to" in log.read_text() for log in logs[1:]):
            if time.monotonic() > until:
                raise BenchError(f"no two workers after {PATIENCE:.0f} seconds")
            time.sleep(0.2)
        yield f"dask://127.0.0.1:{port}"


def _train(file: Path, folder: Path, estimator: str, *options: str) -> float:
    models = folder / "models"
    models.mkdir(exist_ok=True)
    command = [PYTHON, "-m", "train", file, "--target", "y", "--estimator", estimator, *options]
    began = time.perf_counter()
    subprocess.run(
        [*map(str, command)],
        cwd=ROOT,
        env=os.environ | {"MODELS_DIR": str(models)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def _write(rows: int, file: Path) -> None:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(rows, NUMBERS)).round(6)
    frame = pd.DataFrame(matrix, columns=[f"x{at}" for at in range(NUMBERS)])
    frame["y"] = matrix[:, 0] * matrix[:, 1] + matrix[:, 2] + random.normal(size=rows)
    frame.to_parquet(file)
