"""Microseconds a row of explaining predictions, in C and without, beside shap if it is installed.

Every kind of model is fitted on the same wines; the first is the forest that is served. Rows are
explained one at a time, as they come in requests, and in batches; shap gets all of its rows at
once, which suits it best. Of all this is processor time.
"""

import io
import pickle
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import joblib
import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier

from bench.errors import BenchError
from bench.workload import MODEL, ROOT
from serving.models import artefact
from serving.models.artefact import PICKLE
from serving.models.explaining import forest
from serving.models.explaining.contributions import Explain
from serving.models.manifest import Manifest
from train.onnx.forest import to_forest
from train.problems import wine
from train.problems.problems import data_of
from train.tables.rows import to_rows

BATCH, BATCHES, ALONE, WITHOUT_C = 100, 5, 200, 20  # rows of a batch, batches, and rows alone
ORACLES = ROOT / "tests" / "oracles"
SHAP = ORACLES / ".venv-shap" / "bin" / "python"
GRADES = [0, 5, 6, 10]  # of which labels are made: up to 5, 6 and above
SERVED = "the forest that is served"
LEAVES = {"min_samples_leaf": 3, "random_state": 0}

Floats = NDArray[np.float64]


class Kind(NamedTuple):
    """An estimator, and what it is to predict: whether a wine is good, its grade or its score."""

    estimator: Any
    target: str


KINDS = {
    "a forest of three labels": Kind(RandomForestClassifier(80, **LEAVES), "grade"),
    "extra trees": Kind(ExtraTreesClassifier(80, **LEAVES), "good"),
    "a single tree": Kind(DecisionTreeClassifier(random_state=0), "good"),
    "boosting": Kind(GradientBoostingClassifier(random_state=0), "good"),
    "histogram boosting": Kind(HistGradientBoostingClassifier(random_state=0), "good"),
    "the same of three labels": Kind(HistGradientBoostingClassifier(random_state=0), "grade"),
    "a forest of numbers": Kind(RandomForestRegressor(80, **LEAVES), "score"),
    "boosting of numbers": Kind(GradientBoostingRegressor(random_state=0), "score"),
    "histogram boosting of numbers": Kind(HistGradientBoostingRegressor(random_state=0), "score"),
}


def measure() -> Iterator[str]:
    """Lines of microseconds a row, by kind of model.

    Raises
    ------
    BenchError
        If there is no compiled code to measure, or shap fails.
    """
    if not forest.is_compiled():
        raise BenchError("there was no C compiler when adega was installed: nothing to compare")
    served = artefact.read(MODEL.parent.parent, MODEL.parent.name, int(MODEL.name))
    estimator = joblib.load(io.BytesIO(served.contents[PICKLE]))
    rows, targets = _wines()
    models = {SERVED: estimator}
    models |= {name: each.estimator.fit(rows, targets[each.target]) for name, each in KINDS.items()}
    few = np.random.default_rng(0).permutation(rows)[: BATCH * BATCHES]
    by_shap = _by_shap(models, few[:BATCH]) if SHAP.exists() else {}
    yield "                                  nodes   one row   of 100   without C       shap"
    for name, model in models.items():
        manifest = _manifest(served.manifest, model)
        content = to_forest(model, manifest)
        if content is None:
            raise BenchError(f"{name} has no table of trees")
        nodes = len(np.load(io.BytesIO(content))["nodes"])
        alone, batches = _microseconds(content, manifest, few, ALONE)
        with _without_c():
            without, _ = _microseconds(content, manifest, few, WITHOUT_C)
        theirs = f"{by_shap[name]:9.0f}" if name in by_shap else "not there"
        yield f"{name:30} {nodes:9,} {alone:9.0f} {batches:8.0f} {without:11.0f}  {theirs} µs"


def _wines() -> tuple[Floats, pd.DataFrame]:
    wines = pd.read_csv(data_of(wine.PROBLEM)).drop_duplicates()
    score = wines.pop("quality")
    grade = pd.cut(score, GRADES, labels=["low", "middle", "high"]).astype(str)
    targets = pd.DataFrame({"good": score >= wine.GOOD, "grade": grade, "score": score})
    return to_rows(wines, wine.FIELDS), targets


def _manifest(manifest: Manifest, model: Any) -> Manifest:
    classes = tuple(map(str, model.classes_)) if is_classifier(model) else ()
    task = "classification" if classes else "regression"
    return msgspec.structs.replace(
        manifest, task=task, classes=classes, threshold=None, takes="matrix"
    )


@contextmanager
def _without_c() -> Iterator[None]:
    compiled = forest._explain  # noqa: SLF001
    forest._explain = None  # noqa: SLF001
    try:
        yield
    finally:
        forest._explain = compiled  # noqa: SLF001


def _microseconds(
    content: bytes, manifest: Manifest, rows: Floats, count: int
) -> tuple[float, float]:
    """Medians of processor time a row: of rows one by one, so many, and of rows in batches."""
    explain = forest.from_forest(content, manifest)
    if explain is None:
        raise BenchError("a model of trees that has no explanations")
    explain(rows[:2])
    alone = _timed(explain, [rows[at : at + 1] for at in range(count)])
    size = min(BATCH, count)
    batches = _timed(explain, [rows[at : at + size] for at in range(0, size * BATCHES, size)])
    return alone, batches


def _timed(explain: Explain, parts: list[Floats]) -> float:
    times = []
    for part in parts:
        begun = time.process_time()
        explain(part)
        times.append((time.process_time() - begun) / len(part))
    return median(times) * 1e6


def _by_shap(models: dict[str, Any], rows: Floats) -> dict[str, float]:
    with TemporaryDirectory() as folder:
        for name, model in models.items():
            (Path(folder) / f"{name}.pkl").write_bytes(pickle.dumps(model))
            np.save(Path(folder) / f"{name}.npy", rows)
        command = [str(SHAP), "-W", "ignore", str(ORACLES / "call_shap.py"), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"shap failed:\n{done.stderr[-1_000:]}")
        return {
            name: float(np.load(Path(folder) / f"{name}-shap.npz")["seconds"]) / len(rows) * 1e6
            for name in models
        }
