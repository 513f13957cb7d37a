"""How good a model is on rows that it was not fitted on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from serving.models.manifest import Figure
from serving.sentence import Sentence
from train.evaluation.importance import Sources, lost_by_shuffling
from train.fitting import doing, tasks
from train.fitting.choice import choose_and_fit
from train.task import Groups, HeldOut, Rows, Target, Task

RESAMPLES = 50


class Protocol(NamedTuple):
    """How often a model is tested: each row is held out once in every repeat."""

    folds: int
    repeats: int

    @property
    def steps(self) -> int:
        """How many models are fitted."""
        return self.folds * self.repeats

    def text(
        self,
        task: Task,
        grouped_by: tuple[str, ...],
        judged: int | None = None,
        *,
        choosing: bool = False,
    ) -> str:
        """The protocol in a sentence.

        Parameters
        ----------
        judged : int, optional
            The number of live rows, if only these count.
        choosing : bool
            Whether the estimator or its calibration is chosen from the rows.
        """
        times = f", repeated {self.repeats} times" if self.repeats > 1 else ""
        grouped = f"rows with equal {' and '.join(grouped_by)}" if grouped_by else "equal rows"
        only = (
            f"; of the held-out rows, only the latest {judged:,} live ones count" if judged else ""
        )
        what = "estimator and calibration are" if task.kind == "classification" else "estimator is"
        nested = (
            f"; the {what} chosen within each fold's training rows, so the held-out rows had no "
            "part in the choice"
        )
        return (
            f"{self.folds}{task.folds}{times}; {grouped} never on both sides of a split{only}"
            f"{nested if choosing else ''}; spread: "
            f"standard deviation over the folds; baseline: {task.baseline}{task.remark}"
        )


FIVE_BY_THREE = Protocol(folds=5, repeats=3)


class Evaluation(NamedTuple):
    """Figures over all folds, and the held-out outputs that they were computed from.

    Attributes
    ----------
    lost : ndarray of float, shape (folds, fields)
        What shuffling each field costs in the folds of the first repeat.
    uncalibrated : ndarray of float, shape (rows, outputs)
        The outputs of the first repeat as they would be without calibration.
    choices : tuple of str
        The candidate that was chosen in each fold, where there was a choice.
    """

    figures: dict[str, Figure]
    held_out: HeldOut
    lost: NDArray[np.float64]
    uncalibrated: Matrix
    choices: tuple[str, ...]


def cross_validate(
    estimator: Any,
    rows: Matrix,
    y: Target,
    task: Task,
    *,
    groups: Groups,
    seed: int,
    protocol: Protocol,
    judged: Rows | None = None,
    sources: Sources | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Repeated, grouped cross-validation, of the estimator and of a baseline that uses no field.

    Parameters
    ----------
    rows : ndarray of float, shape (rows, features)
    y : ndarray, shape (rows,)
        The target, encoded by the task.
    groups : ndarray of int, shape (rows,)
        Rows of one group stay on the same side of each split.
    seed : int
        Seeds the splits and, for each of them, the estimator.
    judged : ndarray of int, optional
        The rows that the figures are computed from; all if not given.
    sources : sequence of sequence of int, optional
        The features that come from each field, if there are more features than fields.
    progress : callable
        Called after each fold.
    """
    sources = sources or [[column] for column in range(rows.shape[1])]
    folds = []
    for repeat in range(protocol.repeats):
        fold_of = np.empty(len(rows), np.int16)
        for number, (_, test) in enumerate(task.splits(protocol.folds, seed + repeat, y, groups)):
            fold_of[test] = number
        folds += [
            tasks.start(
                _evaluate_fold,
                *(rows, y, groups, fold_of),
                of=protocol.steps + 1,  # with the choice from all rows
                number=number,
                estimator=estimator,
                task=task,
                seed=seed + repeat,
                judged=judged,
                sources=None if repeat else sources,
            )
            for number in range(protocol.folds)
        ]
    results: list[_Fold] = []
    for number, result in enumerate(folds, 1):
        doing.now(Sentence("cross-validation, fold {number} of {of}", number=number, of=len(folds)))
        results.append(result())
        progress()
    outputs = np.empty((protocol.repeats, len(y), results[0].outputs.shape[1]))
    uncalibrated = np.empty_like(outputs[0])
    for at, fold in enumerate(results):
        outputs[at // protocol.folds, fold.test] = fold.outputs
        if fold.uncalibrated is not None:
            uncalibrated[fold.test] = fold.uncalibrated
    scored = [fold for fold in results if fold.scores]
    return Evaluation(
        _figures([fold.scores for fold in scored], [fold.baselines for fold in scored], task),
        HeldOut(
            outputs,
            groups,
            [fold.threshold for fold in results if fold.threshold is not None],
            np.arange(len(rows)) if judged is None else judged,
        ),
        np.array([fold.lost for fold in results if fold.lost is not None]),
        uncalibrated,
        tuple(fold.name for fold in results if fold.name),
    )


class _Fold(NamedTuple):
    """What one fold's model did; `scores` and `baselines` are empty if no row of it counts."""

    test: Rows
    outputs: Matrix
    name: str
    threshold: float | None
    scores: dict[str, float]
    baselines: dict[str, float]
    uncalibrated: Matrix | None
    lost: NDArray[np.float64] | None


def _evaluate_fold(
    rows: Matrix,
    y: Target,
    groups: Groups,
    fold_of: NDArray[np.int16],
    *,
    number: int,
    estimator: Any,
    task: Task,
    seed: int,
    judged: Rows | None,
    sources: Sources | None,
) -> _Fold:
    """Fit to all other folds, and predict this one; shuffle its fields if `sources` are given."""
    train, test = np.flatnonzero(fold_of != number), np.flatnonzero(fold_of == number)
    chosen = choose_and_fit(
        estimator, rows[train], y[train], task=task, groups=groups[train], seed=seed
    )
    threshold = task.threshold(chosen.fitted, y[train])
    outputs = task.predict(chosen.fitted, rows[test])
    counts = np.ones(len(test), np.bool_) if judged is None else np.isin(test, judged)
    scores: dict[str, float] = {}
    baselines: dict[str, float] = {}
    if counts.any():
        dummy = task.dummy().fit(rows[train], task.to_fit(y[train]))
        baseline = task.predict(dummy, rows[test][counts])
        scores = task.score(y[test][counts], outputs[counts], threshold)
        baselines = _score_baseline(task, y[test][counts], baseline, threshold)
    uncalibrated = lost = None
    if sources:
        uncalibrated = task.predict(chosen.uncalibrated, rows[test])
        lost = lost_by_shuffling(chosen.fitted, rows[test], y[test], task, sources, seed=seed)
    return _Fold(test, outputs, chosen.name, threshold, scores, baselines, uncalibrated, lost)


def _score_baseline(
    task: Task, y: Target, outputs: Matrix, threshold: float | None
) -> dict[str, float]:
    """The metrics of the baseline, whose probabilities a threshold of 0.5 fits."""
    return task.score(y, outputs, None if threshold is None else 0.5)


def _figures(
    scores: list[dict[str, float]], baselines: list[dict[str, float]], task: Task
) -> dict[str, Figure]:
    """Mean and spread over the folds of each metric that every fold has."""
    by_fold, by_dummy = pd.DataFrame(scores).dropna(axis=1), pd.DataFrame(baselines)
    return {
        str(name): Figure(
            task.rounded(by_fold[name].mean()),
            task.rounded(by_fold[name].std()),
            task.rounded(by_dummy[name].mean()),
        )
        for name in by_fold
    }


def resampled(
    task: Task, y: Target, outputs: Matrix, seed: int, threshold: float | None = None
) -> dict[str, Figure]:
    """Figures of given outputs, with their spread over bootstrap samples of the rows."""
    dummy = task.dummy().fit(outputs, task.to_fit(y))
    draws = np.random.default_rng(seed).integers(len(y), size=(RESAMPLES, len(y)))
    spread = pd.DataFrame([task.score(y[at], outputs[at], threshold) for at in draws]).std()
    baseline = _score_baseline(task, y, task.predict(dummy, outputs), threshold)
    return {
        name: Figure(task.rounded(value), task.rounded(spread[name]), task.rounded(baseline[name]))
        for name, value in task.score(y, outputs, threshold).items()
        if np.isfinite(value)
    }
