"""How fast files of Parquet are predicted: by one process, by two, by the engine, by pandas."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd

from bench.workload import ROOT
from serving.models import artefact
from serving.models.artefact import PICKLE
from serving.models.engine import Engine
from serving.settings import Settings
from serving.versions.decisions import Decisions

WINES = ROOT / "train" / "data" / "winequality.csv"
BATCH = 8_192  # rows that the engine predicts at once
GOALS = {"two processes": 1.9, "the engine": 0.8, "pandas": 5.0}


class Took(NamedTuple):
    """Seconds by the clock, and of processors."""

    clock: float
    processor: float


def measure(rows: int, turns: int, count: int) -> Iterator[str]:
    """Predict wines, repeating those of the data, each way in turns.

    Parameters
    ----------
    rows : int
        How many there are in all.
    count : int
        Of how many files, each of which is written as pandas does by itself: row groups of up to
        1,048,576 rows.
    """
    settings = Settings.from_environment()
    decisions = Decisions.from_settings(settings)
    engine = Engine(decisions.read("wine", decisions.live("wine")))
    took: dict[str, list[Took]] = {"one": [], "two": [], "engine": [], "pandas": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        files, matrix = write_files(folder / "in", rows, count, engine)
        records = len(matrix)
        for turn in range(turns):
            for jobs, name in ((1, "one"), (2, "two")):
                took[name].append(_command(folder, f"{name}{turn}", jobs))
            took["engine"].append(_engine(engine, matrix))
            if turn == 0:  # it takes longest
                took["pandas"].append(_pandas(files, folder))
    for name, each in took.items():
        clock, used = (median(part) for part in zip(*each, strict=True))
        yield (
            f"{name}: {records:,} rows in {clock:.1f} s, {records / clock:,.0f} a second; "
            f"of a processor {used:.1f} s, {used / records * 1e6:.2f} µs a row"
        )
    one, two, alone, pandas = (
        Took(*(median(part) for part in zip(*each, strict=True))) for each in took.values()
    )
    cores = os.cpu_count()
    yield f"two processes / one, by the clock: {one.clock / two.clock:.2f}, of {cores} cores"
    yield f"two processes / one, by the processor seconds: {two.processor / one.processor:.2f}"
    yield f"one process / the engine, by the processor: {alone.processor / one.processor:.2f}"
    yield f"one process / pandas, by the processor: {pandas.processor / one.processor:.1f}"
    yield f"two processes / pandas, by the clock: {pandas.clock / two.clock:.1f}"
    yield f"goals: {', '.join(f'{name} {goal}' for name, goal in GOALS.items())}"


def write_files(folder: Path, rows: int, count: int, engine: Engine) -> tuple[list[Path], Any]:
    """Write that many wines to so many files, and return the files and the rows."""
    folder.mkdir()
    wines = pd.read_csv(WINES).drop(columns="quality")
    frame = pd.concat([wines] * (rows // len(wines) + 1), ignore_index=True)[:rows]
    frame.insert(0, "id", np.arange(rows))
    files = []
    for place, part in enumerate(np.array_split(np.arange(rows), count)):
        file = folder / f"{place}.parquet"
        frame.iloc[part].to_parquet(file, index=False)
        files.append(file)
    return files, _features(frame, engine.manifest.fields)


def _features(frame: pd.DataFrame, fields: Any) -> Any:
    columns = [
        frame[field.name].map(field.codes) if field.type == "category" else frame[field.name]
        for field in fields
    ]
    return np.column_stack([column.to_numpy(np.float64) for column in columns])


def _command(folder: Path, output: str, jobs: int) -> Took:
    command = [sys.executable, "-m", "serving", "predict", "wine", str(folder / "in"), "--json"]
    began, used = time.perf_counter(), _used(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*command, "-o", str(folder / output), "--jobs", str(jobs)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    if json.loads(done.stdout)["invalid"]:
        raise AssertionError(done.stdout)
    return Took(time.perf_counter() - began, _used(resource.RUSAGE_CHILDREN) - used)


def _engine(engine: Engine, matrix: Any) -> Took:
    began, used = time.perf_counter(), _used(resource.RUSAGE_SELF)
    for first in range(0, len(matrix), BATCH):
        engine.predict(matrix[first : first + BATCH])
    return Took(time.perf_counter() - began, _used(resource.RUSAGE_SELF) - used)


def _pandas(files: list[Path], folder: Path) -> Took:
    """Predict as people do: a frame of each file, predict_proba, a frame that is written."""
    settings = Settings.from_environment()
    decisions = Decisions.from_settings(settings)
    read = artefact.read(decisions.models_dir, "wine", decisions.live("wine"), ())
    estimator = joblib.load(BytesIO(read.contents[PICKLE]))
    out = folder / "pandas"
    out.mkdir()
    began, used = time.perf_counter(), _used(resource.RUSAGE_SELF)
    for file in files:
        frame = pd.read_parquet(file)
        chances = estimator.predict_proba(_features(frame, read.manifest.fields))
        made = pd.DataFrame(chances, columns=list(read.manifest.classes))
        made.insert(0, "id", frame["id"].to_numpy())
        made.to_parquet(out / file.name, index=False)
    return Took(time.perf_counter() - began, _used(resource.RUSAGE_SELF) - used)


def _used(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime
