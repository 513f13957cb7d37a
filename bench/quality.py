"""Our default beside scikit-learn's own: `RandomForest*()` with plain preprocessing, same folds."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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

from bench.datasets import DataSet
from serving.models.artefact import CARD
from serving.models.backends import given
from serving.models.card import Card
from train.evaluation import evaluate
from train.evaluation.evaluate import Evaluation, alike
from train.fitting.calibration import expected_by_chance, expected_error
from train.fitting.choice import choose_and_fit
from train.fitting.estimators import AUTO
from train.fitting.fit import fit
from train.fitting.threads import one_thread
from train.problem import SEED, as_seen, to_rows, train
from train.problems import anything
from train.tables.options import ColumnOptions
from train.task import Task

LOWER_IS_BETTER = {"MAE", "Brier score"}
VERDICTS = BETTER, EQUAL, WORSE = "better", "equal", "WORSE"
NEAR_CHANCE = 1.5


class Folds(NamedTuple):
    """A metric in each fold, ours and theirs."""

    ours: np.ndarray
    theirs: np.ndarray
    lower_is_better: bool

    @property
    def gain(self) -> np.ndarray:
        """How much better ours is in each fold."""
        return (self.ours - self.theirs) * (-1 if self.lower_is_better else 1)

    @property
    def verdict(self) -> str:
        """Better or worse where the mean gain is beyond the spread of the gains."""
        mean, spread = self.gain.mean(), self.gain.std(ddof=1)
        return BETTER if mean > spread else WORSE if mean < -spread else EQUAL


class Calibrated(NamedTuple):
    """What a model trained on one half says of the other: calibration errors and ROC AUC."""

    rows: int
    method: str
    before: float
    after: float
    by_chance: float
    theirs: float
    auc_before: float
    auc_after: float


class Result(NamedTuple):
    """What was measured of a set; `train` and `plain` in seconds of the processor."""

    name: str
    rows: int
    fields: int
    chosen: str
    metrics: dict[str, Folds]
    calibrated: Calibrated | None
    train: float
    plain: float


@one_thread()
def measure(data: DataSet) -> Result:
    """Train as `adega train FILE` does, and do the same rows plainly."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        data.frame().to_csv(file, index=False)
        problem = anything.from_csv(
            file,
            data.target,
            name="data",
            kind=None,
            estimator=AUTO,
            options=ColumnOptions(),
            echo=lambda _: None,
        )
        heard: list[Evaluation] = []

        def overheard(*args: Any, **named: Any) -> Evaluation:
            heard.append(cross_validate(*args, **named))
            return heard[0]

        cross_validate = evaluate.cross_validate
        with patch.object(evaluate, "cross_validate", overheard):
            seconds, trained = _timed(lambda: train(problem, file, Path(folder), lambda: None))
        frame, task = problem.load(file), problem.task
    fields = tuple(as_seen(each, frame[each.name]) for each in problem.fields)
    rows = to_rows(frame, fields)
    y, groups, rows = task.encode(frame[problem.target]), alike(rows), given(fields, rows)
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
    ours = [heard[0].held_out.outputs[0, there] for _, there in dealt]
    ys = [y[there] for _, there in dealt]
    choice = msgspec.json.decode(trained.artefact.contents[CARD], type=Card).choice
    return Result(
        data.name,
        len(rows),
        len(fields),
        choice.chosen if choice else "",
        {
            metric: Folds(
                *(_by_fold(score, ys, each) for each in (ours, theirs)),
                metric in LOWER_IS_BETTER,
            )
            for metric, score in _metrics(task).items()
        },
        _calibrated(task, (problem.estimator, plain), rows, y, groups),
        seconds,
        plain_seconds,
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor that some work takes, and what it returns."""
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


def _plain(task: Task, categories: list[int], columns: int) -> Any:
    """scikit-learn's own default behind what its tutorials put in front of it."""
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
        return {"MAE": mean_absolute_error}
    return {
        "accuracy": lambda y, said: accuracy_score(y, said.argmax(axis=1)),
        "ROC AUC": lambda y, said: task.score(y, said, None)["roc_auc"],
        "Brier score": lambda y, said: task.losses(y, said).mean(),
    }


def _by_fold(
    score: Callable[[np.ndarray, np.ndarray], float],
    ys: Iterable[np.ndarray],
    outputs: Iterable[np.ndarray],
) -> np.ndarray:
    return np.array([score(y, said) for y, said in zip(ys, outputs, strict=True)])


def _calibrated(
    task: Task,
    estimators: tuple[Any, Any],
    rows: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
) -> Calibrated | None:
    """Learn from one half and look at the other."""
    if task.kind == "regression":
        return None
    here, there = next(iter(task.splits(2, SEED, y, groups)))
    ours, plain = estimators
    chosen = choose_and_fit(ours, rows[here], y[here], task=task, groups=groups[here], seed=SEED)
    forest = fit(plain, rows[here], task.to_fit(y[here]), SEED)
    models = chosen.uncalibrated, chosen.fitted, forest
    said = [task.predict(model, rows[there]) for model in models]
    before, after, theirs = (expected_error(*task.outcomes(y[there], each)) for each in said)
    _, probability = task.outcomes(y[there], said[1])
    aucs = (task.score(y[there], each, None)["roc_auc"] for each in said[:2])
    chance = expected_by_chance(probability, SEED)
    return Calibrated(len(there), chosen.method, before, after, chance, theirs, *aucs)


def tables(results: list[Result]) -> Iterator[str]:
    """The results as Markdown: figures, calibration, and what they sum up to."""
    yield "| set | rows | fields | chosen | metric | ours | RandomForest | better by | |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for each in results:
        metric, folds = next(iter(each.metrics.items()))
        yield (
            f"| {each.name} | {each.rows:,} | {each.fields} | {each.chosen} | {metric} "
            f"| {_mean(folds.ours)} | {_mean(folds.theirs)} | {_mean(folds.gain)} "
            f"| {folds.verdict} |"
        )
    yield ""
    yield "| set | ROC AUC | RandomForest | | Brier score | RandomForest | |"
    yield "|---|---|---|---|---|---|---|"
    for each in results:
        if each.calibrated:
            pairs = (each.metrics[metric] for metric in ("ROC AUC", "Brier score"))
            cells = (f"{_mean(one.ours)} | {_mean(one.theirs)} | {one.verdict}" for one in pairs)
            yield f"| {each.name} | {' | '.join(cells)} |"
    yield ""
    yield (
        "| set | rows held out | calibrated by | ECE before | ECE | by chance | RandomForest's "
        "| ROC AUC before | ROC AUC |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for each in results:
        if found := each.calibrated:
            yield (
                f"| {each.name} | {found.rows:,} | {found.method or 'none'} | {found.before:.3f} "
                f"| {found.after:.3f} | {found.by_chance:.3f} | {found.theirs:.3f} "
                f"| {found.auc_before:.3f} | {found.auc_after:.3f} |"
            )
    yield ""
    yield from _summed_up(results)


def _summed_up(results: list[Result]) -> Iterator[str]:
    every = [next(iter(each.metrics.values())) for each in results]
    yield f"- accuracy or MAE: {_verdicts(every)}"
    for metric in ("ROC AUC", "Brier score"):
        of = [each.metrics[metric] for each in results if metric in each.metrics]
        yield f"- {metric}: {_verdicts(of)}"
    found = [each.calibrated for each in results if each.calibrated]
    within = ", ".join(
        f"{who} {sum(getattr(each, error) <= NEAR_CHANCE * each.by_chance for each in found)}"
        for who, error in (
            ("ours", "after"),
            ("ours without calibration", "before"),
            ("RandomForest", "theirs"),
        )
    )
    yield f"- ECE within {NEAR_CHANCE} times chance, of {len(found)} held-out halves: {within}"
    train, plain = (np.array([getattr(each, of) for each in results]) for of in ("train", "plain"))
    times = train / plain
    yield (
        f"- processor time of training: {train.sum():.0f} s, {train.sum() / plain.sum():.1f} times "
        "that of a plain 5-fold run of the candidates; of one set "
        f"{times.min():.1f} to {times.max():.1f} times, median {np.median(times):.1f}"
    )


def _verdicts(of: list[Folds]) -> str:
    counts = Counter(each.verdict for each in of)
    return f"of {len(of)} sets " + ", ".join(f"{counts[one]} {one}" for one in VERDICTS)


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():.4g} ± {values.std(ddof=1):.2g}"
