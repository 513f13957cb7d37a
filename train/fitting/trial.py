"""The trial of a candidate: its predictions, loss and calibration in cross-validation."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from train.fitting import calibration
from train.fitting.fit import fit
from train.task import Groups, Rows, Target, Task

FOLDS = 3
MIN_WRONG = 10  # wrong labels: with fewer, nothing shows how sure to be
CLEARLY_WORSE = 1.5  # standard errors; a candidate that far off is not tried on further folds


@dataclass
class Trial:
    """One candidate's outputs for the rows of the folds so far.

    Attributes
    ----------
    outputs : ndarray of float, shape (rows, outputs)
    folds : list of ndarray of int
        The rows of each fold so far.
    scores : list of ndarray
        The input of a calibrator for the rows of each fold.
    method : str
        The best calibration so far; empty where none lowers the loss.
    losses : ndarray of float
        Of the rows so far, calibrated by that method.
    """

    task: Task
    y: Target
    outputs: Matrix
    folds: list[Rows] = field(default_factory=list)
    scores: list[Matrix] = field(default_factory=list)
    are_probabilities: bool = False
    has_all_labels: bool = True
    method: str = ""
    losses: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def rows(self) -> Rows:
        """The rows so far."""
        return np.concatenate(self.folds)

    def add(self, fitted: Any, rows: Matrix, fold: Rows) -> None:
        """Record the outputs for a fold's rows of a candidate that was fitted on the others."""
        self.folds.append(fold)
        self.outputs[fold] = self.task.predict(fitted, rows[fold])
        if self.task.kind == "classification" and hasattr(fitted, "predict_proba"):
            self.are_probabilities = not hasattr(fitted, "decision_function")
            self.scores.append(calibration.scores(fitted, rows[fold]))
            self.has_all_labels &= len(fitted.classes_) == self.outputs.shape[1]

    def compute_losses(self, *, finished: bool) -> None:
        """Compute the losses with the best calibration; only one method until finished."""
        at = self.rows
        self.losses, self.method = self.task.losses(self.y[at], self.outputs[at]), ""
        places = self._places()
        if not (self.scores and self.has_all_labels and self._each_label_beyond(places)):
            return
        wrong = (self.outputs[at].argmax(axis=1) != self.y[at]).sum()
        if finished and wrong < MIN_WRONG:
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
        """The folds as positions among the rows so far; a single fold as its two halves."""
        if len(self.folds) == 1:
            every = np.arange(len(self.folds[0]))
            return [every[::2], every[1::2]]
        ends = np.cumsum([len(fold) for fold in self.folds])
        return np.split(np.arange(ends[-1]), ends[:-1])

    def _each_label_beyond(self, places: list[Rows]) -> bool:
        codes, labels = self.y[self.rows], self.outputs.shape[1]
        return all(len(np.unique(np.delete(codes, place))) == labels for place in places)

    def calibrated(self, fitted: Any) -> Any:
        """The fitted candidate, calibrated on its scores of rows that it was not fitted on."""
        if not self.method:
            return fitted
        calibrator = calibration.fit(
            np.concatenate(self.scores),
            self.task.to_fit(self.y[self.rows]),
            self.method,
            are_probabilities=self.are_probabilities,
        )
        return calibration.calibrated(fitted, calibrator)


def try_candidates(
    by_name: dict[str, Any], rows: Matrix, y: Target, *, task: Task, groups: Groups, seed: int
) -> dict[str, Trial]:
    """Cross-validate candidates on the same folds; clearly worse ones are left out early."""
    outputs = task.predict(task.dummy().fit(rows, task.to_fit(y)), rows[:1]).shape[1]
    trials = {name: Trial(task, y, np.zeros((len(rows), outputs))) for name in by_name}
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
            trial.compute_losses(finished=False)
        if not trials:
            break
        running = dict(_not_clearly_worse(running))
    for trial in running.values():
        trial.compute_losses(finished=True)
    return trials


def _not_clearly_worse(running: dict[str, Trial]) -> Iterator[tuple[str, Trial]]:
    best = min(running.values(), key=lambda trial: trial.losses.mean())
    for name, trial in running.items():
        mean, error = difference(trial, best)
        if mean <= CLEARLY_WORSE * error:
            yield name, trial


def difference(trial: Trial, best: Trial) -> tuple[float, float]:
    """How much greater a candidate's mean loss is on the rows it was tried on; standard error."""
    differences = trial.losses - best.losses[: len(trial.losses)]
    return float(differences.mean()), float(differences.std() / np.sqrt(len(differences)))
