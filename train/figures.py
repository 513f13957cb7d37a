"""Figures of labels and probabilities on rows held out."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, recall_score

from serving.manifest import ReliabilityBin
from train.threshold import Labels, Probability

RELIABILITY_BINS = 10


def area(metric: Callable[..., float], positive: Labels, probability: Probability) -> float:
    """The area under a curve, which only rows of both kinds have."""
    return metric(positive, probability) if 0 < positive.mean() < 1 else np.nan


def of_labels(
    truth: NDArray[Any], predicted: NDArray[Any], average: str, *, accuracy: bool = True
) -> dict[str, float]:
    """The metrics of predicted labels.

    Accuracy is left out where a threshold was put for another purpose, for it says little there.
    """
    figures = {
        "f1": f1_score(truth, predicted, average=average, zero_division=0),
        # Balanced accuracy, of the labels that occur.
        "balanced_accuracy": recall_score(
            truth, predicted, labels=np.unique(truth), average="macro", zero_division=0
        ),
    }
    return figures | ({"accuracy": accuracy_score(truth, predicted)} if accuracy else {})


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
