"""Calibration: how far probabilities are from the shares that come true, and how to mend them.

Niculescu-Mizil and Caruana (2005), Predicting Good Probabilities with Supervised Learning, ICML;
Guo, Pleiss, Sun and Weinberger (2017), On Calibration of Modern Neural Networks, ICML.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if

from serving.inputs.schema import Matrix
from train.fitting.metrics import RELIABILITY_BINS
from train.fitting.threshold import Labels, Probability

SIMULATIONS = 200
ENOUGH_FOR_ISOTONIC = 250  # with fewer rows its many steps follow chance
DIGITS = 6  # of scores: isotonic steps between closer ones would be too steep to compute alike


def expected_error(came_true: Labels, probability: Probability) -> float:
    """Expected calibration error over ten bins of equal width.

    The mean distance between the probability and the share that came true, weighted by rows.
    Naeini, Cooper and Hauskrecht (2015), Obtaining Well Calibrated Probabilities, AAAI.

    >>> came_true = np.array([True, False, True, True])
    >>> round(expected_error(came_true, np.array([0.25, 0.25, 0.95, 0.95])), 3)  # (0.5 + 0.1) / 4
    0.15
    """
    return float(_errors(came_true[None].astype(np.float64), probability)[0])


def expected_by_chance(probability: Probability, seed: int) -> float:
    """Mean expected calibration error if these probabilities were right, by simulation."""
    draws = np.random.default_rng(seed).random((SIMULATIONS, len(probability)))
    return float(_errors((draws < probability).astype(np.float64), probability).mean())


def _errors(came_true: Matrix, probability: Probability) -> NDArray[np.float64]:
    """The error of each row of outcomes, shape (samples, rows)."""
    edges = np.linspace(0, 1, RELIABILITY_BINS + 1)[1:-1]
    member = np.eye(RELIABILITY_BINS)[np.digitize(probability, edges)]
    distance: NDArray[np.float64] = np.abs((came_true - probability) @ member)
    errors: NDArray[np.float64] = distance.sum(axis=1) / len(probability)
    return errors


def methods(labels: int, rows: int) -> tuple[str, ...]:
    """The ways to calibrate that are tried, the simplest first."""
    if labels > 2:  # noqa: PLR2004
        return "temperature", "sigmoid"
    return ("sigmoid", "isotonic") if rows >= ENOUGH_FOR_ISOTONIC else ("sigmoid",)


def scores(fitted: Any, rows: Matrix) -> Matrix:
    """What a calibrator takes: the decision function, or probabilities where there is none.

    Shape (rows,) from a decision function between two labels, else (rows, labels).
    """
    if hasattr(fitted, "decision_function"):
        decided: Matrix = fitted.decision_function(rows)
        return decided
    probabilities: Matrix = fitted.predict_proba(rows)
    return probabilities


def fit(scored: Matrix, y_fit: Any, method: str, *, are_probabilities: bool) -> Any:
    """A calibrator of scores that a classifier gave to rows it was not fitted on."""
    if method == "isotonic":
        scored = scored.round(DIGITS)
    given = _Given(are_probabilities=are_probabilities)
    given.classes_ = np.unique(y_fit)
    every = np.arange(len(scored))
    calibrator = CalibratedClassifierCV(
        FrozenEstimator(given), method=method, cv=[(every, every)], ensemble=False
    )
    return calibrator.fit(scored.reshape(len(scored), -1), y_fit)


def behind(fitted: Any, calibrator: Any) -> Any:
    """A fitted classifier with a calibrator behind it: one that is made of scikit-learn alone."""
    frozen = FrozenEstimator(fitted)
    calibrator.set_params(estimator=frozen, cv=None)
    for one in calibrator.calibrated_classifiers_:
        one.estimator = frozen
    return calibrator


def cross_fitted(
    scored: Matrix,
    y_fit: Any,
    folds: Iterable[NDArray[np.intp]],
    method: str,
    *,
    are_probabilities: bool,
) -> Matrix:
    """Probabilities of all rows, those of each fold by a calibrator of the other folds' rows."""
    outputs = np.zeros((len(scored), len(np.unique(y_fit))))
    for fold in folds:
        others = np.setdiff1d(np.arange(len(scored)), fold)
        calibrator = fit(scored[others], y_fit[others], method, are_probabilities=are_probabilities)
        outputs[fold] = calibrator.predict_proba(scored[fold].reshape(len(fold), -1))
    return outputs


class _Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose scores are its input, for scikit-learn calibrates classifiers only."""

    classes_: NDArray[Any]

    def __init__(self, *, are_probabilities: bool) -> None:
        self.are_probabilities = are_probabilities

    def fit(self, rows: Matrix, y_fit: Any) -> "_Given":  # noqa: ARG002 - nothing to learn
        """Learn nothing."""
        return self

    def predict(self, rows: Matrix) -> Any:
        """The label with the highest score; scikit-learn requires it and does not call it."""
        return self.classes_[rows.argmax(axis=1)]

    @available_if(lambda self: not self.are_probabilities)  # type: ignore[untyped-decorator]
    def decision_function(self, rows: Matrix) -> Matrix:
        """The input, between two labels as one column."""
        return rows[:, 0] if rows.shape[1] == 1 else rows

    @available_if(lambda self: self.are_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, rows: Matrix) -> Matrix:
        """The input."""
        return rows
