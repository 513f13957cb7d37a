"""The choice of an estimator by cross-validation within the training rows, and its calibration.

The simplest estimator within one standard error of the best is chosen. Breiman, Friedman, Olshen
and Stone (1984), Classification and Regression Trees, section 3.4.3; here the standard error is
that of the difference between two estimators on the same rows.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from serving.inputs.schema import Matrix
from serving.sentence import Sentence
from train.errors import TrainingError
from train.fitting.fit import Fitting, fit
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


class Choice(NamedTuple):
    """Which estimator was chosen, that is yet to be fitted to all of the rows.

    Attributes
    ----------
    name : str
        That of the candidate; empty if there was no choice.
    trial : Trial or None
        By which it is calibrated.
    candidates : tuple of Candidate
    """

    name: str = ""
    trial: Trial | None = None
    candidates: tuple[Candidate, ...] = ()


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
    choice = choose(rows, y, groups, estimator=estimator, task=task, seed=seed)
    return fit_chosen(choice, estimator, rows, y, task=task, seed=seed)


def choose(
    rows: Matrix, y: Target, groups: Groups, *, estimator: Any, task: Task, seed: int
) -> Choice:
    """Choose the best of several candidates, and how it is calibrated."""
    if not isinstance(estimator, Candidates):
        return Choice()
    by_name = estimator.by_name
    last = [*by_name][-1]
    if len(by_name) == 1 and task.kind == "regression":
        return Choice(last)

    drawn = _sample(groups, seed)
    trials = try_candidates(
        by_name, rows[drawn], y[drawn], task=task, groups=groups[drawn], seed=seed
    )
    if not trials:  # there is nothing to choose by
        return Choice(last)
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
    return Choice(name, trial, candidates)


def fit_chosen(
    choice: Choice,
    estimator: Any,
    rows: Matrix,
    y: Target,
    *,
    task: Task,
    seed: int,
    by: Fitting | None = None,
) -> Chosen:
    """Fit the estimator of a choice, and calibrate it.

    Parameters
    ----------
    by : callable, optional
        As in `fit`.

    Raises
    ------
    TrainingError
        If it cannot be fitted, and there was nothing to choose by.
    """
    name, trial = choice.name, choice.trial
    model = estimator.by_name[name] if isinstance(estimator, Candidates) else estimator
    try:
        fitted = fit(model, rows, task.to_fit(y), seed, by)
    except ValueError as error:
        if trial or not name:
            raise
        raise TrainingError(
            Sentence(
                "{estimator} cannot be fitted to {rows:,} rows: {why}",
                estimator=name,
                rows=len(rows),
                why=str(error),
            )
        ) from error
    if not trial:
        return Chosen(fitted, fitted, name=name)
    return Chosen(trial.calibrated(fitted), fitted, trial.method, name, choice.candidates)


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
