"""The choice of an estimator by cross-validation within the training rows, and its calibration.

The simplest estimator within one standard error of the best is chosen. Breiman, Friedman, Olshen
and Stone (1984), Classification and Regression Trees, section 3.4.3; here the standard error is
that of the difference between two estimators on the same rows.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from serving.inputs.schema import Matrix
from train.errors import TrainingError
from train.fitting.fit import fit
from train.fitting.trial import Trial, difference, try_candidates
from train.task import Groups, Rows, Target, Task

ENOUGH_ROWS = 5_000  # to choose by; of more, a sample is drawn


@dataclass(frozen=True)
class Candidates:
    """Estimators to choose from, by name, the simplest first; the chosen one is calibrated."""

    by_name: dict[str, Any]


class Candidate(NamedTuple):
    """The result of an estimator on rows that it was not fitted on.

    Attributes
    ----------
    loss : float
        Mean over the rows, calibrated where that helps.
    difference, error : float
        Its loss minus that of the best, and the standard error of this difference.
    rows : int
        How many rows it was tried on; fewer than all if it was clearly worse on those.
    """

    name: str
    loss: float
    difference: float
    error: float
    rows: int


class Chosen(NamedTuple):
    """The estimator that was chosen, fitted.

    Attributes
    ----------
    fitted
        The estimator that predicts.
    uncalibrated
        The same without its calibration, if it has one.
    method : str
        How it is calibrated; empty if it is not.
    name : str
        The candidate that was chosen; empty if there was no choice.
    candidates : tuple of Candidate
    """

    fitted: Any
    uncalibrated: Any
    method: str = ""
    name: str = ""
    candidates: tuple[Candidate, ...] = ()


def choose_and_fit(
    estimator: Any, rows: Matrix, y: Target, *, task: Task, groups: Groups, seed: int
) -> Chosen:
    """Fit an estimator, or the best of several candidates, to all of the rows.

    Parameters
    ----------
    estimator
        A scikit-learn estimator, which is fitted as it is, or `Candidates`.
    """
    if not isinstance(estimator, Candidates):
        fitted = fit(estimator, rows, task.to_fit(y), seed)
        return Chosen(fitted, fitted)
    by_name = estimator.by_name
    if len(by_name) == 1 and task.kind == "regression":
        return _fit_last(by_name, rows, y, task, seed)

    drawn = _sample(groups, seed)
    trials = try_candidates(
        by_name, rows[drawn], y[drawn], task=task, groups=groups[drawn], seed=seed
    )
    if not trials:
        return _fit_last(by_name, rows, y, task, seed)
    candidates = _compared(trials)
    name = next(
        each.name
        for each in candidates
        if each.rows == len(drawn) and each.difference <= each.error
    )
    trial = trials[name]
    if len(drawn) < len(rows) and task.kind == "classification":  # calibrated on all rows
        only = {name: by_name[name]}
        trials = try_candidates(only, rows, y, task=task, groups=groups, seed=seed)
        trial = trials.get(name, trial)
    fitted = fit(by_name[name], rows, task.to_fit(y), seed)
    return Chosen(trial.calibrated(fitted), fitted, trial.method, name, candidates)


def _fit_last(by_name: dict[str, Any], rows: Matrix, y: Target, task: Task, seed: int) -> Chosen:
    """Fit the last candidate, where there is nothing to choose by."""
    name, model = list(by_name.items())[-1]
    try:
        fitted = fit(model, rows, task.to_fit(y), seed)
    except ValueError as error:
        raise TrainingError(f"{name} cannot be fitted to {len(rows):,} rows: {error}") from error
    return Chosen(fitted, fitted, name=name)


def _compared(trials: dict[str, Trial]) -> tuple[Candidate, ...]:
    every = max(len(trial.losses) for trial in trials.values())
    finished = [trial for trial in trials.values() if len(trial.losses) == every]
    best = min(finished, key=lambda trial: trial.losses.mean())
    return tuple(
        Candidate(name, float(trial.losses.mean()), *difference(trial, best), len(trial.losses))
        for name, trial in trials.items()
    )


def _sample(groups: Groups, seed: int) -> Rows:
    """The rows to choose by: all, or as many whole groups as are enough."""
    if len(groups) <= ENOUGH_ROWS:
        return np.arange(len(groups))
    _, number = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(number.max() + 1)
    taken = np.cumsum(np.bincount(number)[order]) <= ENOUGH_ROWS
    return np.flatnonzero(np.isin(number, order[taken]))
