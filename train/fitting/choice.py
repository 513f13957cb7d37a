"""Learning from rows: the estimator is chosen by cross-validation within them, then calibrated.

The simplest estimator within one standard error of the best is taken. Breiman, Friedman, Olshen and
Stone (1984), Classification and Regression Trees, section 3.4.3; here the standard error is that of
the difference between two estimators on the same rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from train.errors import TrainingError
from train.fitting import calibration
from train.fitting.fit import fit
from train.task import Groups, Rows, Target, Task

FOLDS = 3
ENOUGH_ROWS = 5_000  # to choose by; of more, a part is drawn
FEWEST_WRONG = 10  # of the predicted labels: where fewer are, nothing shows how sure to be
CLEARLY_WORSE = 1.5  # standard errors: what is so far off is not tried on the folds that follow


@dataclass(frozen=True)
class Candidates:
    """Estimators to choose from, by name, the simplest first; their choice is calibrated too."""

    by_name: dict[str, Any]


class Candidate(NamedTuple):
    """How an estimator did on rows that it was not fitted on.

    Attributes
    ----------
    loss : float
        Mean over the rows, calibrated where that helps.
    difference, error : float
        Its loss less that of the best, and the standard error of this difference.
    rows : int
        It was tried on so many; fewer than all if it was clearly worse on those.
    """

    name: str
    loss: float
    difference: float
    error: float
    rows: int


class Chosen(NamedTuple):
    """What was learnt from rows.

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
    names = list(estimator.by_name)
    if len(names) == 1 and task.kind == "regression":
        return _alone(estimator, rows, task.to_fit(y), seed)

    drawn = _part(groups, seed)
    trials = _try(
        estimator.by_name, rows[drawn], y[drawn], task=task, groups=groups[drawn], seed=seed
    )
    if not trials:
        return _alone(estimator, rows, task.to_fit(y), seed)
    candidates = _compared(trials)
    name = next(
        each.name
        for each in candidates
        if each.rows == len(drawn) and each.difference <= each.error
    )
    trial = trials[name]
    if len(drawn) < len(rows) and task.kind == "classification":
        only = {name: estimator.by_name[name]}
        trial = _try(only, rows, y, task=task, groups=groups, seed=seed).get(name, trial)
    fitted = fit(estimator.by_name[name], rows, task.to_fit(y), seed)
    calibrated = trial.behind(fitted)
    return Chosen(calibrated, fitted, trial.method, name, candidates)


def _alone(estimator: Candidates, rows: Matrix, y_fit: NDArray[Any], seed: int) -> Chosen:
    """The last candidate, where there is nothing to choose by."""
    name, model = list(estimator.by_name.items())[-1]
    try:
        fitted = fit(model, rows, y_fit, seed)
    except ValueError as error:
        raise TrainingError(f"{name} cannot learn from {len(rows):,} rows: {error}") from error
    return Chosen(fitted, fitted, name=name)


@dataclass
class _Trial:
    """One candidate's answers to the rows of the folds so far."""

    task: Task
    y: Target
    outputs: Matrix
    folds: list[Rows] = field(default_factory=list)
    scores: list[Matrix] = field(default_factory=list)
    are_probabilities: bool = False
    knows_all: bool = True
    method: str = ""
    losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def rows(self) -> Rows:
        """The rows so far."""
        return np.concatenate(self.folds)

    def add(self, fitted: Any, rows: Matrix, fold: Rows) -> None:
        """Note what a candidate says of a fold's rows, fitted on the others."""
        self.folds.append(fold)
        self.outputs[fold] = self.task.predict(fitted, rows[fold])
        if self.task.kind == "classification" and hasattr(fitted, "predict_proba"):
            self.are_probabilities = not hasattr(fitted, "decision_function")
            self.scores.append(calibration.scores(fitted, rows[fold]))
            self.knows_all &= len(fitted.classes_) == self.outputs.shape[1]

    def judge(self, *, finished: bool) -> None:
        """Find the losses, by the best calibration; until finished one way is tried."""
        at = self.rows
        self.losses, self.method = self.task.losses(self.y[at], self.outputs[at]), ""
        places = self._places()
        if not (self.scores and self.knows_all and self._each_label_beyond(places)):
            return
        wrong = (self.outputs[at].argmax(axis=1) != self.y[at]).sum()
        if finished and wrong < FEWEST_WRONG:
            return
        scored, y_fit = np.concatenate(self.scores), self.task.to_fit(self.y[at])
        methods = calibration.methods(self.outputs.shape[1], len(at))
        for method in methods if finished else methods[:1]:
            outputs = calibration.cross_fitted(
                scored, y_fit, places, method, are_probabilities=self.are_probabilities
            )
            losses = self.task.losses(self.y[at], outputs)
            if losses.mean() < self.losses.mean():
                self.losses, self.method = losses, method

    def _places(self) -> list[Rows]:
        """The folds among the rows so far; of one fold its halves."""
        if len(self.folds) == 1:
            every = np.arange(len(self.folds[0]))
            return [every[::2], every[1::2]]
        ends = np.cumsum([len(fold) for fold in self.folds])
        return np.split(np.arange(ends[-1]), ends[:-1])

    def _each_label_beyond(self, places: list[Rows]) -> bool:
        codes, labels = self.y[self.rows], self.outputs.shape[1]
        return all(len(np.unique(np.delete(codes, place))) == labels for place in places)

    def behind(self, fitted: Any) -> Any:
        """The fitted candidate, calibrated by what it said of rows that it had not seen."""
        if not self.method:
            return fitted
        calibrator = calibration.fit(
            np.concatenate(self.scores),
            self.task.to_fit(self.y[self.rows]),
            self.method,
            are_probabilities=self.are_probabilities,
        )
        return calibration.behind(fitted, calibrator)


def _try(
    by_name: dict[str, Any], rows: Matrix, y: Target, *, task: Task, groups: Groups, seed: int
) -> dict[str, _Trial]:
    """Cross-validate candidates on the same folds; what is clearly worse is left out early."""
    outputs = task.predict(task.dummy().fit(rows, task.to_fit(y)), rows[:1]).shape[1]
    trials = {name: _Trial(task, y, np.zeros((len(rows), outputs))) for name in by_name}
    running = dict(trials)
    for train, test in task.splits(FOLDS, seed, y, groups):
        y_fit = task.to_fit(y[train])
        for name, trial in [*running.items()]:
            try:
                fitted = fit(by_name[name], rows[train], y_fit, seed)
            except ValueError:  # few rows may lack what it needs, such as two labels
                del trials[name], running[name]
                continue
            trial.add(fitted, rows, test)
            trial.judge(finished=False)
        if not trials:
            break
        running = dict(_not_clearly_worse(running))
    for trial in running.values():
        trial.judge(finished=True)
    return trials


def _not_clearly_worse(running: dict[str, _Trial]) -> Iterator[tuple[str, _Trial]]:
    best = min(running.values(), key=lambda trial: trial.losses.mean())
    for name, trial in running.items():
        difference, error = _difference(trial, best)
        if difference <= CLEARLY_WORSE * error:
            yield name, trial


def _difference(trial: _Trial, best: _Trial) -> tuple[float, float]:
    """How much greater a candidate's mean loss is on the rows it was tried on, and the error."""
    apart = trial.losses - best.losses[: len(trial.losses)]
    return float(apart.mean()), float(apart.std() / np.sqrt(len(apart)))


def _compared(trials: dict[str, _Trial]) -> tuple[Candidate, ...]:
    most = max(len(trial.losses) for trial in trials.values())
    finished = [trial for trial in trials.values() if len(trial.losses) == most]
    best = min(finished, key=lambda trial: trial.losses.mean())
    return tuple(
        Candidate(name, float(trial.losses.mean()), *_difference(trial, best), len(trial.losses))
        for name, trial in trials.items()
    )


def _part(groups: Groups, seed: int) -> Rows:
    """The rows to choose by: all, or as many whole groups as are enough."""
    if len(groups) <= ENOUGH_ROWS:
        return np.arange(len(groups))
    _, number = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(number.max() + 1)
    taken = np.cumsum(np.bincount(number)[order]) <= ENOUGH_ROWS
    return np.flatnonzero(np.isin(number, order[taken]))
