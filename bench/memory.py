"""How much memory trainings take, beside the estimate by which too large ones are refused."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.workload import ROOT

MEGABYTE = 1e6
# Trains, and prints each estimate with what the process had then, and what it had at most.
CHILD = """
import json, resource, sys
from train import __main__
from train.problems import anything

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

seen = []
anything.require = lambda needed, what: seen.append((needed, resident(), peak())) or ""
__main__.main(sys.argv[1:], standalone_mode=False)
print(json.dumps([*seen, (0, resident(), peak())]))
"""


class Case(NamedTuple):
    """A file, and what is trained on it."""

    suffix: str
    rows: int
    numbers: int
    labels: int  # columns of labels
    target: str
    estimator: str


CASES = (
    Case(".csv", 60_000, 10, 0, "number", "linear"),
    Case(".csv", 40_000, 5, 4, "two", "decision-tree"),
    Case(".parquet", 400_000, 10, 0, "number", "linear"),
    Case(".parquet", 100_000, 20, 0, "number", "hist-gradient-boosting"),
    Case(".parquet", 100_000, 5, 4, "number", "linear"),
    Case(".parquet", 100_000, 5, 4, "two", "decision-tree"),
    Case(".parquet", 40_000, 10, 0, "number", "random-forest"),
    Case(".parquet", 20_000, 5, 0, "many", "extra-trees"),
)


def measure(few: int | None) -> Iterator[str]:
    """Train each case in a process of its own; yield a line of a table for each."""
    heads = ("file", "rows", "columns", "target", "estimator", "estimate, MB", "took, MB", "ratio")
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for case in CASES[:few]:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            yield _line(case, Path(scratch))


def _line(case: Case, folder: Path) -> str:
    file = folder / f"data{case.suffix}"
    _write(case, file)
    (folder / "models").mkdir()
    drop = [each for each in ("number", "two", "many") if each != case.target]
    command = [file, "--target", case.target, "--estimator", case.estimator]
    command += [part for name in drop for part in ("--drop", name)]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, command)],
        cwd=ROOT,
        env=os.environ | {"MODELS_DIR": str(folder / "models")},
        stdout=subprocess.PIPE,
        check=True,
    )
    (reading, began, _), (training, read, _), (_, _, peak) = json.loads(
        done.stdout.splitlines()[-1]
    )
    needed = max(reading, read - began + training)
    took = peak - began
    return (
        f"| {case.suffix} | {case.rows:,} | {case.numbers} numbers, {case.labels} labels "
        f"| {case.target} | {case.estimator} | {needed / MEGABYTE:,.0f} | {took / MEGABYTE:,.0f} "
        f"| {needed / took:.2f} |"
    )


def _write(case: Case, file: Path) -> None:
    random = np.random.default_rng(0)
    columns: dict[str, object] = {
        f"x{at}": random.normal(size=case.rows).round(6) for at in range(case.numbers)
    }
    number = np.sum([*columns.values()], axis=0) + random.normal(size=case.rows)
    for at in range(case.labels):
        count = 10 * (at + 1)
        labels = np.array([f"label {each}" for each in range(count)])
        columns[f"c{at}"] = labels[random.integers(count, size=case.rows)]
    many = np.digitize(number, np.quantile(number, np.linspace(0, 1, 101)[1:-1]))
    columns |= {
        "number": number.round(6),
        "two": np.where(number > 0, "yes", "no"),
        "many": [f"label {each}" for each in many],
    }
    frame = pd.DataFrame(columns)
    if case.suffix == ".csv":
        frame.to_csv(file, index=False)
    else:
        frame.to_parquet(file)
