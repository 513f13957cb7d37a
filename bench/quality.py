"""The default model beside scikit-learn's: `RandomForest*()`, plain preprocessing, same folds."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, mean_absolute_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from bench.datasets import DataSet, every
from serving.models.artefact import CARD
from serving.models.backends import to_features
from serving.models.card import Card
from serving.models.metrics import metric
from train.evaluation import evaluate
from train.evaluation.equal_rows import group_equal_rows
from train.evaluation.evaluate import Evaluation
from train.fitting.calibration import expected_by_chance, expected_error
from train.fitting.choice import choose_and_fit
from train.fitting.estimators import AUTO
from train.fitting.fit import fit
from train.fitting.threads import one_thread
from train.problems import anything
from train.tables.options import ColumnOptions
from train.tables.rows import to_rows, with_range
from train.task import SEED, Task
from train.training import train

BETTER, EQUAL, WORSE = "better", "equal", "WORSE"


class Folds(NamedTuple):
    """A metric in each fold, ours and theirs.

    Attributes
    ----------
    name : str
        As in `serving.models.metrics`.
    """

    name: str
    ours: np.ndarray
    theirs: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """How much better ours is in each fold."""
        return (self.ours - self.theirs) * (1 if metric(self.name).better == "higher" else -1)

    @property
    def verdict(self) -> str:
        """Better or worse where the mean gain is beyond the spread of the gains."""
        mean, spread = self.gain.mean(), self.gain.std(ddof=1)
        return BETTER if mean > spread else WORSE if mean < -spread else EQUAL


class Calibrated(NamedTuple):
    """A model fitted on one half, on the other: expected calibration error and ROC AUC."""

    rows: int
    method: str
    before: float
    after: float
    by_chance: float
    theirs: float
    auc_before: float
    auc_after: float


class Result(NamedTuple):
    """The measurements of one data set; `train` and `plain` in seconds of processor time."""

    name: str
    rows: int
    fields: int
    chosen: str
    metrics: dict[str, Folds]
    calibrated: Calibrated | None
    train: float
    plain: float


@one_thread()
def measure_all(only: Sequence[str]) -> list[Result]:
    """Measure every data set, or those whose names contain one of `only`; print each verdict."""
    results = []
    for data in every():
        if not only or any(part in data.name for part in only):
            results.append(measure(data))
            folds = next(iter(results[-1].metrics.values()))
            print(f"{data.name}: {folds.name} {folds.verdict}", file=sys.stderr, flush=True)
    return results


def measure(data: DataSet) -> Result:
    """Train as `adega train FILE` does, and fit scikit-learn's default to the same rows."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        data.frame().to_csv(file, index=False)
        problem = anything.from_files(
            (file,),
            data.target,
            name="data",
            kind=None,
            estimator=AUTO,
            options=ColumnOptions(),
            echo=lambda _: None,
        )
        evaluations: list[Evaluation] = []

        def kept(*args: Any, **named: Any) -> Evaluation:
            evaluations.append(cross_validate(*args, **named))
            return evaluations[0]

        cross_validate = evaluate.cross_validate
        with patch.object(evaluate, "cross_validate", kept):
            seconds, trained = _timed(lambda: train(problem, file, Path(folder), lambda: None))
        frame, task = problem.load(file), problem.task
    fields = tuple(with_range(each, frame[each.name]) for each in problem.fields)
    rows = to_rows(frame, fields)
    y, groups = task.encode(frame[problem.target]), group_equal_rows(rows)
    rows = to_features(fields, rows)
    dealt = list(task.splits(problem.protocol.folds, SEED, y, groups))
    categories = [at for at, field in enumerate(fields) if field.type == "category"]
    plain = _plain(task, categories, rows.shape[1])

    def outputs(estimator: Any) -> list[np.ndarray]:
        return [
            task.predict(fit(estimator, rows[here], task.to_fit(y[here]), SEED), rows[there])
            for here, there in dealt
        ]

    by_name = problem.estimator.by_name.values()
    plain_seconds, _ = _timed(lambda: [outputs(estimator) for estimator in by_name])
    theirs = outputs(plain)
    ours = [evaluations[0].held_out.outputs[0, there] for _, there in dealt]
    ys = [y[there] for _, there in dealt]
    choice = msgspec.json.decode(trained.artefact.contents[CARD], type=Card).choice
    return Result(
        data.name,
        len(rows),
        len(fields),
        choice.chosen if choice else "",
        {
            name: Folds(name, *(_by_fold(score, ys, each) for each in (ours, theirs)))
            for name, score in _metrics(task).items()
        },
        _calibrated(task, (problem.estimator, plain), rows, y, groups),
        seconds,
        plain_seconds,
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of processor time that a call takes, and what it returns."""
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


def _plain(task: Task, categories: list[int], columns: int) -> Any:
    """scikit-learn's default with the preprocessing of its tutorials."""
    numbers = [at for at in range(columns) if at not in categories]
    missing = SimpleImputer(strategy="constant", fill_value=-1)
    prepared = make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        (make_pipeline(missing, OneHotEncoder(handle_unknown="ignore")), categories),
    )
    kind = RandomForestClassifier if task.kind == "classification" else RandomForestRegressor
    return make_pipeline(prepared, kind())


def _metrics(task: Task) -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    if task.kind == "regression":
        return {"mae": mean_absolute_error}
    return {
        "accuracy": lambda y, outputs: accuracy_score(y, outputs.argmax(axis=1)),
        "roc_auc": lambda y, outputs: task.score(y, outputs, None)["roc_auc"],
        "brier": lambda y, outputs: task.losses(y, outputs).mean(),
    }


def _by_fold(
    score: Callable[[np.ndarray, np.ndarray], float],
    ys: Iterable[np.ndarray],
    outputs: Iterable[np.ndarray],
) -> np.ndarray:
    return np.array([score(y, each) for y, each in zip(ys, outputs, strict=True)])


def _calibrated(
    task: Task,
    estimators: tuple[Any, Any],
    rows: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
) -> Calibrated | None:
    """Fit to one half of the rows and measure on the other."""
    if task.kind == "regression":
        return None
    here, there = next(iter(task.splits(2, SEED, y, groups)))
    ours, plain = estimators
    chosen = choose_and_fit(ours, rows[here], y[here], task=task, groups=groups[here], seed=SEED)
    forest = fit(plain, rows[here], task.to_fit(y[here]), SEED)
    models = chosen.uncalibrated, chosen.fitted, forest
    outputs = [task.predict(model, rows[there]) for model in models]
    before, after, theirs = (expected_error(*task.outcomes(y[there], each)) for each in outputs)
    _, probability = task.outcomes(y[there], outputs[1])
    aucs = (task.score(y[there], each, None)["roc_auc"] for each in outputs[:2])
    chance = expected_by_chance(probability, SEED)
    return Calibrated(len(there), chosen.method, before, after, chance, theirs, *aucs)
