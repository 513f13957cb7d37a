"""How good a classifier is on rows it has not seen, and where to put its threshold."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    roc_auc_score,
)
from sklearn.model_selection import StratifiedGroupKFold

from serving.artefact import Figure, ReliabilityBin
from serving.schema import Matrix

FOLDS, REPEATS = 5, 3
PROTOCOL = (
    f"{FOLDS}-fold stratified cross-validation repeated {REPEATS} times, equal rows never on both "
    "sides; spread: standard deviation over the folds; baseline: the majority class"
)
RELIABILITY_BINS = 10

Labels = NDArray[np.bool_]


class Evaluation(NamedTuple):
    """Figures over all folds; `held_out` is each row's probability, averaged over the repeats."""

    figures: dict[str, Figure]
    held_out: NDArray[np.float64]
    thresholds: list[float]


def cross_validate(
    estimator: RandomForestClassifier,
    rows: Matrix,
    positive: Labels,
    *,
    seed: int,
    repeats: int = REPEATS,
    progress: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Repeated, grouped, stratified cross-validation; equal rows stay on one side of each split.

    Parameters
    ----------
    rows : ndarray of float, shape (rows, fields)
    positive : ndarray of bool, shape (rows,)
    seed : int
        Seeds the splits and, for each of them, the estimator.
    progress : callable
        Called after each fold.
    """
    scores, baselines, thresholds = [], [], []
    held_out = np.zeros(len(rows))
    for repeat, train, test in _splits(rows, positive, seed, repeats):
        fitted = fit(estimator, rows[train], positive[train], seed + repeat)
        threshold = best_threshold(positive[train], fitted.oob_decision_function_[:, 1])
        probability = fitted.predict_proba(rows[test])[:, 1]
        majority = DummyClassifier(strategy="prior").fit(rows[train], positive[train])
        baseline = majority.predict_proba(rows[test])[:, 1]
        scores.append(score(positive[test], probability, threshold))
        baselines.append(score(positive[test], baseline, 0.5))
        thresholds.append(threshold)
        held_out[test] += probability / repeats
        progress()
    by_fold, by_majority = pd.DataFrame(scores), pd.DataFrame(baselines)
    figures = {
        str(name): Figure(
            round(float(by_fold[name].mean()), 4),
            round(float(by_fold[name].std()), 4),
            round(float(by_majority[name].mean()), 4),
        )
        for name in by_fold
    }
    return Evaluation(figures, held_out, thresholds)


def fit(estimator: RandomForestClassifier, rows: Matrix, labels: Any, seed: int) -> Any:
    """Fit a copy of a forest, keeping its out-of-bag predictions; the seed decides every bit."""
    fitted = clone(estimator).set_params(random_state=seed, oob_score=True, n_jobs=-1)
    # Fitted in parallel, used alone: threads add probabilities up in any order, and only cost
    # where one row is answered at a time.
    return fitted.fit(rows, labels).set_params(n_jobs=1)


def score(positive: Labels, probability: NDArray[np.float64], threshold: float) -> dict[str, float]:
    """The metrics of one fold: three of the probability, two of the label at a threshold."""
    predicted = probability >= threshold
    return {
        "roc_auc": roc_auc_score(positive, probability),
        "pr_auc": average_precision_score(positive, probability),
        "brier": brier_score_loss(positive, probability),
        "f1": f1_score(positive, predicted, zero_division=0),
        "balanced_accuracy": balanced_accuracy_score(positive, predicted),
    }


def best_threshold(positive: Labels, probability: NDArray[np.float64]) -> float:
    """The threshold, in hundredths, with the largest F1; give it probabilities of unseen rows."""
    candidates = np.arange(5, 96) / 100
    f1 = [f1_score(positive, probability >= candidate) for candidate in candidates]
    return float(candidates[int(np.argmax(f1))])


def reliability(positive: Labels, probability: NDArray[np.float64]) -> tuple[ReliabilityBin, ...]:
    """The reliability curve over bins of equal width, empty ones left out."""
    edges = np.linspace(0, 1, RELIABILITY_BINS + 1)[1:-1]
    bins = np.digitize(probability, edges)
    return tuple(
        ReliabilityBin(
            round(float(probability[bins == at].mean()), 4),
            round(float(positive[bins == at].mean()), 4),
            int((bins == at).sum()),
        )
        for at in np.unique(bins)
    )


def _splits(
    rows: Matrix, positive: Labels, seed: int, repeats: int
) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    _, groups = np.unique(rows, axis=0, return_inverse=True)
    for repeat in range(repeats):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed + repeat)
        for train, test in folds.split(rows, positive, groups):
            yield repeat, train, test
