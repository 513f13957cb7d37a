"""How fast files are predicted, by the command line and over HTTP, and in how much memory."""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from bench import processes
from bench.server import Server, serving
from bench.targets import SERVICE
from bench.workload import ROOT, workload

WINES = ROOT / "train" / "data" / "winequality.csv"
TEXTS = {"quality", "color"}
MEDIA_TYPES = {".csv": "text/csv", ".jsonl": "application/jsonl"}
PAUSE = 0.02  # seconds between two looks at the memory
PATIENCE = 30  # seconds for what a start leaves to be done


def measure(rows: int) -> Iterator[str]:
    """Predict that many wines, repeating those of the data, each way."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        files = _files(Path(scratch), rows)
        for file in files:
            yield _by_command(file)
        with serving(SERVICE, workload()) as server:
            processes.rest(server.pid, PATIENCE)
            for file in (*files, *files):  # the second time all is warm
                yield _over_http(server, file)


def _files(folder: Path, rows: int) -> list[Path]:
    with WINES.open(newline="") as source:
        wines = list(csv.DictReader(source))
    table, lines = folder / "wines.csv", folder / "wines.jsonl"
    with table.open("w", newline="") as out:
        writer = csv.DictWriter(out, [name for name in wines[0] if name != "quality"])
        writer.writeheader()
        for wine in islice(cycle(wines), rows):
            writer.writerow({name: wine[name] for name in writer.fieldnames})
    with lines.open("w") as out, table.open(newline="") as again:
        for wine in csv.DictReader(again):
            values = {n: v if n in TEXTS else float(v) for n, v in wine.items()}
            out.write(json.dumps(values) + "\n")
    return [table, lines]


def _by_command(file: Path) -> str:
    command = [sys.executable, "-m", "serving", "predict", "wine", str(file), "--json"]
    out = file.with_name(f"out{file.suffix}")
    began, used = time.perf_counter(), _used()
    run = subprocess.run(
        [*command, "-o", str(out)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    whole, used = time.perf_counter() - began, _used() - used
    summary = json.loads(run.stdout)
    return (
        f"command line, {file.suffix}: {summary['records']:,} rows in {summary['seconds']:.1f} s, "
        f"{summary['records'] / summary['seconds']:,.0f} a second; with its start {whole:.1f} s, "
        f"of a processor {used:.1f} s"
    )


def _used() -> float:
    """Processor seconds of all that was run and has ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _over_http(server: Server, file: Path) -> str:
    before, seen, done = processes.tree_pss_mb(server.pid), [0.0], threading.Event()

    def look() -> None:
        while not done.wait(PAUSE):
            seen.append(processes.tree_pss_mb(server.pid))

    looking = threading.Thread(target=look)
    looking.start()
    command = ["curl", "-sSf", "--data-binary", f"@{file}", f"{server.base_url}/predict"]
    began = time.perf_counter()
    try:
        subprocess.run(
            [*command, "-H", f"Content-Type: {MEDIA_TYPES[file.suffix]}"],
            stdout=file.with_name("answer").open("wb"),
            check=True,
        )
    finally:
        seconds = time.perf_counter() - began
        done.set()
        looking.join()
    with file.with_name("answer").open("rb") as answer:
        rows = sum(1 for _ in answer) - (file.suffix == ".csv")
    return (
        f"HTTP, {file.suffix}: {rows:,} rows in {seconds:.1f} s, {rows / seconds:,.0f} a second; "
        f"all processes hold {before:.0f} MB before, {max(seen):.0f} at most, "
        f"{processes.tree_pss_mb(server.pid):.0f} after"
    )
