"""Metrics of labels and probabilities on held-out rows, by their names in a manifest."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    recall_score,
)

from serving.inputs.schema import Matrix
from serving.models.reference import ReliabilityBin
from train.fitting.calibration import RELIABILITY_BINS
from train.fitting.threshold import Labels, Probability


def area_under_roc(positive: Labels, probability: Probability) -> float:
    """The share of pairs of a positive and a negative row that are in order; NaN without pairs.

    Computed from ranks, because `roc_auc_score` takes a hundred times as long: most of a training's
    time where there are many labels and fields.

    >>> float(area_under_roc(np.array([False, True, True]), np.array([0.2, 0.2, 0.9])))
    0.75
    """
    first, others = positive.sum(), (~positive).sum()
    if not (first and others):
        return np.nan
    ranks = pd.Series(probability).rank().to_numpy()
    area: float = (ranks[positive].sum() - first * (first + 1) / 2) / (first * others)
    return area


def mean_area_under_roc(y: NDArray[np.intp], probabilities: Matrix, codes: range) -> float:
    """ROC AUC of each label against all others, averaged over the labels that are defined."""
    return float(np.nanmean([area_under_roc(y == code, probabilities[:, code]) for code in codes]))


def of_probability(positive: Labels, probability: Probability) -> dict[str, float]:
    """The metrics of the positive label's probability; NaN where all rows have the same label."""
    both = 0 < positive.mean() < 1
    return {
        "roc_auc": area_under_roc(positive, probability),
        "pr_auc": average_precision_score(positive, probability) if both else np.nan,
        "brier": brier_score_loss(positive, probability),
    }


def of_probabilities(y: NDArray[np.intp], probabilities: Matrix) -> dict[str, float]:
    """The metrics of the probabilities of more than two labels."""
    codes = range(probabilities.shape[1])
    sums = probabilities.sum(axis=1, keepdims=True)  # 1 but for an error of single precision
    return {
        "roc_auc": mean_area_under_roc(y, probabilities, codes),
        "log_loss": log_loss(y, probabilities / sums, labels=codes),
    }


def of_labels(
    y: NDArray[Any], predicted: NDArray[Any], average: str, *, accuracy: bool = True
) -> dict[str, float]:
    """The metrics of predicted labels.

    Accuracy is left out where a threshold was chosen for another purpose, as it means little there.
    """
    figures = {
        "f1": f1_score(y, predicted, average=average, zero_division=0),
        # Balanced accuracy, of the labels that occur.
        "balanced_accuracy": recall_score(
            y, predicted, labels=np.unique(y), average="macro", zero_division=0
        ),
    }
    return figures | ({"accuracy": accuracy_score(y, predicted)} if accuracy else {})


def reliability(positive: Labels, probability: Probability) -> tuple[ReliabilityBin, ...]:
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
