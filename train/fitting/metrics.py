"""Figures of labels and probabilities on rows held out."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, recall_score

from serving.models.manifest import ReliabilityBin
from train.fitting.threshold import Labels, Probability

RELIABILITY_BINS = 10


def area_under_roc(positive: Labels, probability: Probability) -> float:
    """The share of pairs of a positive and a negative row that are in order; NaN without pairs.

    By ranks, for `roc_auc_score` spends a hundred times as long: most of a training's time where
    there are many labels and fields.

    >>> float(area_under_roc(np.array([False, True, True]), np.array([0.2, 0.2, 0.9])))
    0.75
    """
    first, others = positive.sum(), (~positive).sum()
    if not (first and others):
        return np.nan
    ranks = pd.Series(probability).rank().to_numpy()
    area: float = (ranks[positive].sum() - first * (first + 1) / 2) / (first * others)
    return area


def area_under_precision(positive: Labels, probability: Probability) -> float:
    """Average precision; NaN where all rows are of one kind."""
    return average_precision_score(positive, probability) if 0 < positive.mean() < 1 else np.nan


def of_labels(
    y: NDArray[Any], predicted: NDArray[Any], average: str, *, accuracy: bool = True
) -> dict[str, float]:
    """The metrics of predicted labels.

    Accuracy is left out where a threshold was put for another purpose, for it says little there.
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
