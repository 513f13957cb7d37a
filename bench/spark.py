"""How fast Spark predicts files of Parquet on two cores, beside two processes of the command."""

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

from bench.parquet import Took, write_files
from bench.workload import ROOT
from serving.models.engine import Engine
from serving.settings import Settings
from serving.versions.decisions import Decisions

PACKAGES = ROOT / "tests" / "spark" / ".venv"  # of `make test-spark`
FILES = 8
PR_SET_CHILD_SUBREAPER = 36  # of Linux
SMALL = 1_000  # rows of a run that takes as long as starting and ending does
COMMAND = ("-m", "serving", "predict", "wine")
WAYS = {
    "two processes": (*COMMAND, "{files}", "-o", "{out}", "--jobs", "2", "--json"),
    "--on local[2]": (*COMMAND, "{files}", "-o", "{out}", "--on", "local[2]", "--json"),
    "a DataFrame on local[2]": ("-m", "bench.spark", "{files}", "{out}"),
}


def measure(rows: int, turns: int) -> Iterator[str]:
    """Predict that many wines, each way in turns, and some to see what starting takes."""
    decisions = Decisions.from_settings(Settings.from_environment())
    engine = Engine(decisions.read("wine", decisions.live("wine")))
    took: dict[str, list[Took]] = {way: [] for way in WAYS}
    starting: dict[str, list[Took]] = {way: [] for way in WAYS}
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # Java outlives the Python that starts it
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        write_files(folder / "many", rows, FILES, engine)
        write_files(folder / "few", SMALL, 1, engine)
        for turn in range(turns):
            for way in WAYS:
                for size, each in (("few", starting), ("many", took)):
                    out = folder / f"{way}{turn}{size}"
                    each[way].append(_took(way, folder / size, out))
    whole, alone = {}, {}
    for way in WAYS:
        clock, used = (median(part) for part in zip(*took[way], strict=True))
        begun, start = (median(part) for part in zip(*starting[way], strict=True))
        whole[way], alone[way] = used, used - start
        yield (
            f"{way}: {rows:,} rows in {clock:.1f} s, {rows / clock:,.0f} a second; of processors "
            f"{used:.1f} s, {alone[way] / rows * 1e6:.2f} µs a row and {start:.1f} s to start and "
            f"end, which takes {begun:.1f} s"
        )
    first, *others = WAYS
    for way in others:
        yield (
            f"{way} / {first}: rows a second {_clock(took[first]) / _clock(took[way]):.2f}; rows a "
            f"second of a processor {whole[first] / whole[way]:.2f}, without starting and ending "
            f"{alone[first] / alone[way]:.2f}"
        )


def _clock(took: list[Took]) -> float:
    return median(each.clock for each in took)


def _took(way: str, files: Path, out: Path) -> Took:
    (packages,) = PACKAGES.glob("lib/python*/site-packages")
    own = {
        "PYTHONPATH": f"{ROOT}:{packages}",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    command = [part.format(files=files, out=out) for part in WAYS[way]]
    began, used = time.perf_counter(), _used()
    subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | own, capture_output=True, check=True
    )
    clock = time.perf_counter() - began
    with suppress(ChildProcessError):  # when there are no more
        while True:
            os.wait()
    return Took(clock, _used() - used)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _predict_frame(files: str, out: str) -> None:
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only the process that is measured has it

    import serving.spark  # noqa: PLC0415

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    frame = builder.getOrCreate().read.parquet(files)
    serving.spark.predict(frame, "wine").write.parquet(out)


if __name__ == "__main__":
    _predict_frame(*sys.argv[1:])
