"""The metrics that a model is judged by, for rows that count more than once, or only in part.

Each takes predictions and weights, or what was added up of them part by part. For a regression a
weight is how often a row counts; for a classification, how often it counts as truly of each class.
So one formula gives the metric itself (weight 1 for the true class), its bootstrap (how often a row
was drawn) and its expectation where the true class is unknown (probabilities). Leading axes of the
weights are many such cases at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from serving.models.metrics import WITHIN
from serving.monitor.performance.measures import (
    Area,
    Measure,
    Ranks,
    Sums,
    mean_of,
    mean_ratio,
    pair,
    ratio,
    root,
    share,
    weighted,
)
from serving.monitor.performance.predictions import Classified, Floats, Regressed

SMALLEST = 1e-15  # probability that a logarithm is taken of
ROUNDING = 1e-12  # of a square, which a variance of nothing may come to


def _accuracy(predictions: Classified, weights: Floats) -> Floats:
    """The share of rows whose predicted class is the true one."""
    return pair(_right(predictions, weights).sum(axis=-1), weights.sum(axis=(-2, -1)))


def _balanced_accuracy(predictions: Classified, weights: Floats) -> Floats:
    """The recall of each class, averaged over the classes that occur."""
    found = [
        weights[..., predictions.predicted == each, each].sum(-1)
        for each in range(predictions.classes)
    ]
    return pair(np.stack(found, -1), weights.sum(axis=-2))


def _f1(predictions: Classified, weights: Floats) -> Floats:
    """The harmonic mean of precision and recall; for several classes, the mean over them."""
    right, both = [], []
    for each in predictions.scored:
        predicted = predictions.predicted == each
        right.append(2 * weights[..., predicted, each].sum(axis=-1))
        named = weights[..., predicted, :].sum(axis=(-2, -1))
        both.append(named + weights[..., each].sum(axis=-1))
    return pair(np.stack(right, -1), np.stack(both, -1))


def _brier(predictions: Classified, weights: Floats) -> Floats:
    """The mean squared difference of the probabilities from 0 and 1, over the classes.

    Of two classes, of one of them, as usual: Brier (1950), Verification of forecasts expressed in
    terms of probability, Monthly Weather Review 78, 1-3.
    """
    return pair((weights * squared(predictions)).sum(axis=(-2, -1)), weights.sum(axis=(-2, -1)))


def _log_loss(predictions: Classified, weights: Floats) -> Floats:
    """The mean of -ln of the probability predicted for the true class."""
    surprise = -np.log(np.maximum(_probabilities(predictions), SMALLEST))
    return pair((weights * surprise).sum(axis=(-2, -1)), weights.sum(axis=(-2, -1)))


def _roc_auc(ranks: Sequence[Ranks]) -> Floats:
    """The chance that a row of the class has a higher probability than another; ties a half.

    Of several classes, the mean over them, each against all others.

    >>> chances = np.array([[0.1, 0.9], [0.4, 0.6], [0.7, 0.3]])
    >>> predictions = Classified(np.array([1, 1, 0]), 2, chances, positive=1)
    >>> float(roc_auc(predictions, np.array([[0., 1.], [1., 0.], [0., 1.]])))
    0.5
    """
    found = []
    for hits, misses in ranks:
        before = np.insert(hits[..., :-1], 0, 0.0, axis=-1)
        area = (np.diff(misses, prepend=0.0) * (hits + before) / 2).sum(axis=-1)
        found.append(share(area, hits[..., -1] * misses[..., -1]))
    return mean_of(np.stack(found, -1))


def _pr_auc(ranks: Sequence[Ranks]) -> Floats:
    """Average precision: the precision at each score, weighted by the recall that it adds."""
    (hits, misses), *_ = ranks
    named = hits + misses
    precision = np.divide(hits, named, out=np.zeros_like(hits), where=named > 0)
    return share((np.diff(hits, prepend=0.0) * precision).sum(axis=-1), hits[..., -1])


def _mae(predictions: Regressed, weights: Floats) -> Floats:
    """The mean absolute error."""
    return weighted(np.abs(predictions.predicted - predictions.actual), weights)


def _rmse(predictions: Regressed, weights: Floats) -> Floats:
    """The root of the mean squared error."""
    return weighted((predictions.predicted - predictions.actual) ** 2, weights)


def _r2(predictions: Regressed, weights: Floats) -> Floats:
    """The share of the variance that is explained; not a number where there is none."""
    actual = predictions.actual
    values = np.stack([actual, actual**2, (predictions.predicted - actual) ** 2])
    sums = (weights[..., None, :] * values).sum(axis=-1)
    return np.concatenate([sums, weights.sum(axis=-1)[..., None]], axis=-1)


def _explained(sums: Floats) -> Floats:
    mean, square, unexplained = np.moveaxis(share(sums[..., :3], sums[..., 3:]), -1, 0)
    variance = square - mean**2
    return 1 - share(unexplained, np.where(variance > ROUNDING * square, variance, np.nan))


def _mape(predictions: Regressed, weights: Floats) -> Floats:
    """The mean absolute error as a part of the true number, which must be above zero."""
    error = np.abs(predictions.predicted - predictions.actual)
    return weighted(error / predictions.actual, weights)


def _within(distance: float, predictions: Regressed, weights: Floats) -> Floats:
    """The share of rows that are predicted to within a distance."""
    close = np.abs(predictions.predicted - predictions.actual) <= distance
    return weighted(close.astype(np.float64), weights)


roc_auc = Area(_roc_auc)


class Metric(NamedTuple):
    """How a metric is computed, and what it needs of a classifier."""

    measure: Measure
    needs: tuple[str, ...] = ()


CLASSIFICATION: Mapping[str, Metric] = {
    "accuracy": Metric(Sums(_accuracy, ratio)),
    "balanced_accuracy": Metric(Sums(_balanced_accuracy, mean_ratio)),
    "f1": Metric(Sums(_f1, mean_ratio)),
    "roc_auc": Metric(roc_auc, needs=("probabilities",)),
    "pr_auc": Metric(Area(_pr_auc), needs=("positive", "probabilities")),
    "brier": Metric(Sums(_brier, ratio), needs=("probabilities",)),
    "log_loss": Metric(Sums(_log_loss, ratio), needs=("probabilities",)),
}
REGRESSION: Mapping[str, Measure] = {
    "mae": Sums(_mae, ratio),
    "rmse": Sums(_rmse, root),
    "r2": Sums(_r2, _explained),
    "mape": Sums(_mape, ratio),
}


def metrics_of(
    predictions: Classified | Regressed, wanted: Iterable[str] = ()
) -> dict[str, Measure]:
    """The metrics that can be computed for these predictions, by name.

    Parameters
    ----------
    wanted : iterable of str
        More names: shares `within_` a distance are computed, as `within_0.5`; others are ignored.
    """
    if isinstance(predictions, Regressed):
        metrics = dict(REGRESSION)
        if (predictions.actual <= 0).any():
            del metrics["mape"]
        for name in wanted:
            if name.startswith(WITHIN):
                close = partial(_within, float(name.removeprefix(WITHIN)))
                metrics[name] = Sums(close, ratio)
        return metrics
    return {
        name: metric.measure
        for name, metric in CLASSIFICATION.items()
        if all(getattr(predictions, need) is not None for need in metric.needs)
    }


def squared(predictions: Classified) -> Floats:
    """For each row and class that it may turn out to be of, its part of the Brier score."""
    probabilities = _probabilities(predictions)
    whole = (probabilities**2).sum(axis=1, keepdims=True) - 2 * probabilities + 1
    return np.asarray(whole / 2 if predictions.classes == 2 else whole)  # noqa: PLR2004 - yes or no


def _probabilities(predictions: Classified) -> Floats:
    assert predictions.probabilities is not None
    return predictions.probabilities


def _right(predictions: Classified, weights: Floats) -> Floats:
    return weights[..., np.arange(len(predictions)), predictions.predicted]
