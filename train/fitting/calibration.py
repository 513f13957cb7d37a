"""Calibration: how far probabilities are from observed frequencies, and how to correct them.

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
from train.fitting.threshold import Labels, Probability

RELIABILITY_BINS = 10
SIMULATIONS = 200
ENOUGH_FOR_ISOTONIC = 250  # with fewer rows its many steps overfit
DIGITS = (
    6  # of scores: isotonic steps between closer ones are too steep for ONNX to compute equally
)


def expected_error(outcome: Labels, probability: Probability) -> float:
    """Expected calibration error over ten bins of equal width.

    The mean distance between the probability and the observed frequency, weighted by rows.
    Naeini, Cooper and Hauskrecht (2015), Obtaining Well Calibrated Probabilities, AAAI.

    >>> outcome = np.array([True, False, True, True])
    >>> round(expected_error(outcome, np.array([0.25, 0.25, 0.95, 0.95])), 3)  # (0.5 + 0.1) / 4
    0.15
    """
    return float(_errors(outcome[None].astype(np.float64), probability)[0])


def expected_by_chance(probability: Probability, seed: int) -> float:
    """Mean expected calibration error if these probabilities were right, by simulation."""
    draws = np.random.default_rng(seed).random((SIMULATIONS, len(probability)))
    return float(_errors((draws < probability).astype(np.float64), probability).mean())


def _errors(outcome: Matrix, probability: Probability) -> NDArray[np.float64]:
    """The error of each sample of outcomes, shape (samples, rows)."""
    edges = np.linspace(0, 1, RELIABILITY_BINS + 1)[1:-1]
    member = np.eye(RELIABILITY_BINS)[np.digitize(probability, edges)]
    distance: NDArray[np.float64] = np.abs((outcome - probability) @ member)
    errors: NDArray[np.float64] = distance.sum(axis=1) / len(probability)
    return errors


def methods(labels: int, rows: int) -> tuple[str, ...]:
    """The methods of calibration that are tried, the simplest first."""
    if labels > 2:  # noqa: PLR2004
        return "temperature", "sigmoid"
    return ("sigmoid", "isotonic") if rows >= ENOUGH_FOR_ISOTONIC else ("sigmoid",)


def scores(fitted: Any, rows: Matrix) -> Matrix:
    """The input of a calibrator: the decision function, or probabilities where there is none.

    Shape (rows,) from a decision function between two labels, else (rows, labels).
    """
    if hasattr(fitted, "decision_function"):
        decided: Matrix = fitted.decision_function(rows)
        return decided
    probabilities: Matrix = fitted.predict_proba(rows)
    return probabilities


def fit(scored: Matrix, y: Any, method: str, *, are_probabilities: bool) -> Any:
    """Fit a calibrator on scores of rows that their classifier was not fitted on."""
    if method == "isotonic":
        scored = scored.round(DIGITS)
    scorer = _PassThrough(are_probabilities=are_probabilities)
    scorer.classes_ = np.unique(y)
    every = np.arange(len(scored))
    calibrator = CalibratedClassifierCV(
        FrozenEstimator(scorer), method=method, cv=[(every, every)], ensemble=False
    )
    return calibrator.fit(scored.reshape(len(scored), -1), y)


def calibrated(fitted: Any, calibrator: Any) -> Any:
    """A fitted classifier followed by a calibrator, made of scikit-learn's classes only."""
    frozen = FrozenEstimator(fitted)
    calibrator.set_params(estimator=frozen, cv=None)
    for one in calibrator.calibrated_classifiers_:
        one.estimator = frozen
    return calibrator


def cross_fitted(
    scored: Matrix,
    y: Any,
    folds: Iterable[NDArray[np.intp]],
    method: str,
    *,
    are_probabilities: bool,
) -> Matrix:
    """Probabilities of all rows, each fold's by a calibrator fitted on the other folds."""
    probabilities = np.zeros((len(scored), len(np.unique(y))))
    for fold in folds:
        others = np.setdiff1d(np.arange(len(scored)), fold)
        calibrator = fit(scored[others], y[others], method, are_probabilities=are_probabilities)
        probabilities[fold] = calibrator.predict_proba(scored[fold].reshape(len(fold), -1))
    return probabilities


class _PassThrough(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose scores are its input, as scikit-learn only calibrates classifiers."""

    classes_: NDArray[Any]

    def __init__(self, *, are_probabilities: bool) -> None:
        self.are_probabilities = are_probabilities

    def fit(self, rows: Matrix, y: Any) -> "_PassThrough":  # noqa: ARG002 - nothing to fit
        """Fit nothing."""
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
