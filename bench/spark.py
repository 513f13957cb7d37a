"""How fast Spark predicts files of Parquet on two cores, beside two processes of the command."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.parquet import write_files
from bench.workload import ROOT
from serving.models.engine import Engine
from serving.settings import Settings
from serving.versions.decisions import Decisions

PACKAGES = ROOT / "tests" / "spark" / ".venv"  # of `make test-spark`
FILES = 8
SMALL = 1_000  # rows of a run that takes as long as starting and ending does
COMMAND = ("-m", "serving", "predict", "wine")
WAYS = {
    "two processes": (*COMMAND, "{files}", "-o", "{out}", "--jobs", "2", "--json"),
    "--on local[2]": (*COMMAND, "{files}", "-o", "{out}", "--on", "local[2]", "--json"),
    "a DataFrame on local[2]": ("-m", "bench.spark", "{files}", "{out}"),
}


def measure(rows: int, turns: int) -> Iterator[str]:
    """Predict that many wines, each way in turns, and some to see how long starting takes."""
    decisions = Decisions.from_settings(Settings.from_environment())
    engine = Engine(decisions.read("wine", decisions.live("wine")))
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    starting: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        count = len(write_files(folder / "many", rows, FILES, engine)[1])
        write_files(folder / "few", SMALL, 1, engine)
        for turn in range(turns):
            for way in WAYS:
                for size, each in (("few", starting), ("many", took)):
                    out = folder / f"{way}{turn}{size}"
                    each[way].append(_seconds(way, folder / size, out))
    alone = {}
    for way in WAYS:
        clock, start = median(took[way]), median(starting[way])
        alone[way] = clock - start
        yield (
            f"{way}: {count:,} rows in {clock:.1f} s, {count / clock:,.0f} a second; "
            f"{count / alone[way]:,.0f} a second without starting and ending, {start:.1f} s"
        )
    first, *others = WAYS
    for way in others:
        yield (
            f"{way} / {first}: {median(took[first]) / median(took[way]):.2f}, "
            f"{alone[first] / alone[way]:.2f} without starting and ending"
        )


def _seconds(way: str, files: Path, out: Path) -> float:
    (packages,) = PACKAGES.glob("lib/python*/site-packages")
    own = {
        "PYTHONPATH": f"{ROOT}:{packages}",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    command = [part.format(files=files, out=out) for part in WAYS[way]]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | own, capture_output=True, check=True
    )
    return time.perf_counter() - began


def _predict_frame(files: str, out: str) -> None:
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only the process that is measured has it

    import serving.spark  # noqa: PLC0415

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    frame = builder.getOrCreate().read.parquet(files)
    serving.spark.predict(frame, "wine").write.parquet(out)


if __name__ == "__main__":
    _predict_frame(*sys.argv[1:])
