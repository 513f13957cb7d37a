"""How long a function of AWS Lambda takes from the start of its process to its first response.

The process is that of deploy/lambda, with a Runtime API on this machine in place of Lambda's. What
Lambda does before, which is to make a place for the function and to fetch its image, is not in it.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import postgres, processes
from bench.errors import BenchError
from bench.runtime_api import function
from bench.server import free_ports
from bench.workload import ROOT

PYTHON = ROOT / "tests/deploy/lambda/.venv-function/bin/python"
WARM = 200  # invocations after the first
EVENT = {
    "version": "2.0",
    "rawPath": "/predict",
    "rawQueryString": "",
    "headers": {"content-type": "application/json", "host": "localhost"},
    "requestContext": {
        "stage": "$default",
        "http": {"method": "POST", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
    },
    "body": (ROOT / "bom.json").read_text(),
    "isBase64Encoded": False,
}


def measure(runs: int) -> Iterator[str]:
    """Yield, for each way to run a function, its cold start, its memory and its warm responses."""
    if not PYTHON.exists():
        raise BenchError("awslambdaric is not installed: make test-lambda")
    yield f"{'':38}cold start, s         processor, s  peak memory, MB  warm response, ms"
    yield f"{'':38}median   min    max   median        max              median"
    with TemporaryDirectory(prefix="bench-") as name, ExitStack() as running:
        scratch = Path(name)
        ways = {
            "unrecorded": {},
            "models in an object store (a folder)": {"MODELS_URL": _object_store(scratch)},
        }
        if postgres.programs():
            server = running.enter_context(postgres.running(int(free_ports(1)[0])))
            required = {"JOURNAL_REQUIRED": "on", "DATABASE_URL": server.new()}
            ways["recorded in PostgreSQL"] = required
        for way, variables in ways.items():
            found = [_run(scratch / f"{way}-{number}", variables) for number in range(runs)]
            seconds, busy, megabytes, warm = zip(*found, strict=True)
            yield (
                f"{way:38}{median(seconds):.2f}     {min(seconds):.2f}   {max(seconds):.2f}  "
                f"{median(busy):.2f}          {max(megabytes):.0f}               {median(warm):.1f}"
            )


def _run(folder: Path, variables: dict[str, str]) -> tuple[float, float, float, float]:
    """Start a function, and send it invocations.

    Returns
    -------
    float, float, float, float
        Seconds to its first response, those that it computed, its peak memory in MB, and
        milliseconds that a later response takes.

    Raises
    ------
    BenchError
        If a response is another than a prediction.
    """
    folder.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT}/deploy/lambda",
        "VAR_DIR": str(folder / "var"),
        **variables,
    }
    command = [str(PYTHON), "-m", "awslambdaric", "handler.handle"]
    began = time.perf_counter()
    with function(command, folder / "log", environment, ROOT) as (api, process):
        first = api.invoke(EVENT)
        seconds, busy = time.perf_counter() - began, processes.cpu_seconds(process.pid)
        if first["statusCode"] != 200:  # noqa: PLR2004 - OK
            raise BenchError(f"the function responded with {first}")
        times = []
        for _ in range(WARM):
            sent = time.perf_counter()
            api.invoke(EVENT)
            times.append((time.perf_counter() - sent) * 1000)
        status = Path(f"/proc/{process.pid}/status").read_text()
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return seconds, busy, int(peak) / 1024, median(times)


def _object_store(scratch: Path) -> str:
    """Upload the models to a folder, and return it."""
    store = scratch / "store"
    store.mkdir()
    own = {"MODELS_URL": str(store), "VAR_DIR": str(scratch / "uploading")}
    command = [sys.executable, "-m", "serving", "upload", "models"]
    subprocess.run(command, cwd=ROOT, env=os.environ | own, check=True, capture_output=True)
    return str(store)
