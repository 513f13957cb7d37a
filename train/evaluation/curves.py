"""Curves of held-out predictions, with as many points as a chart can show."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from serving.models.card import Bin, Histogram, Point
from train.fitting.threshold import Labels, Probability

POINTS = 100
BINS = 10
COLUMNS = 30  # of a histogram

Numbers = NDArray[np.float64]


def roc(positive: Labels, probability: Probability) -> tuple[Point, ...]:
    """False positive rate against true positive rate, over all thresholds."""
    false, true, _ = roc_curve(positive, probability)
    return _thinned(false, true)


def precision_recall(positive: Labels, probability: Probability) -> tuple[Point, ...]:
    """Recall against precision, over all thresholds."""
    precision, recall, _ = precision_recall_curve(positive, probability)
    return _thinned(recall[::-1], precision[::-1])


def bins(y: Numbers, predicted: Numbers) -> tuple[Bin, ...]:
    """The rows in parts of equal size by their predictions; few rows make fewer parts."""
    order = np.argsort(predicted, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    return tuple(_bin(y[part], predicted[part]) for part in parts)


def _bin(y: Numbers, predicted: Numbers) -> Bin:
    low, high = np.quantile(y, (0.1, 0.9))
    means = short(predicted.mean()), short(y.mean())
    return Bin(*means, short(low), short(high), len(y))


def histogram(values: Numbers) -> Histogram:
    """Counts between equal steps; the outermost hundredths are counted at the ends."""
    low, high = np.quantile(values, (0.005, 0.995))
    counts, edges = np.histogram(np.clip(values, low, high), COLUMNS)
    return Histogram(tuple(map(short, edges)), tuple(map(int, counts)))


def _thinned(x: Numbers, y: Numbers) -> tuple[Point, ...]:
    """Points that are evenly spaced along the curve, including its ends."""
    length = np.concatenate([[0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    at = np.unique(np.searchsorted(length, np.linspace(0, length[-1], POINTS)))
    return tuple((round(float(x[each]), 4), round(float(y[each]), 4)) for each in at)


def short(value: float) -> float:
    """A number to six digits."""
    return float(f"{value:.6g}")
