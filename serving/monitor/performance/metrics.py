"""The metrics that a model is judged by, for rows that count more than once, or only in part.

Each takes predictions and weights. For a regression a weight is how often a row counts; for a
classification, how often it counts as truly of each class. So one formula gives the metric itself
(weight 1 for the true class), its bootstrap (how often a row was drawn) and its expectation where
the true class is unknown (probabilities). Leading axes of the weights are many such cases at once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from serving.models.metrics import WITHIN
from serving.monitor.performance.predictions import Classified, Floats, Regressed

SMALLEST = 1e-15  # probability that a logarithm is taken of
ROUNDING = 1e-12  # of a square, which a variance of nothing may come to


def accuracy(predictions: Classified, weights: Floats) -> Floats:
    """The share of rows whose predicted class is the true one."""
    return _share(_right(predictions, weights).sum(axis=-1), weights.sum(axis=(-2, -1)))


def balanced_accuracy(predictions: Classified, weights: Floats) -> Floats:
    """The recall of each class, averaged over the classes that occur."""
    found = np.stack(
        [
            weights[..., predictions.predicted == each, each].sum(-1)
            for each in range(predictions.classes)
        ],
        -1,
    )
    there = weights.sum(axis=-2)
    recall = np.divide(found, there, out=np.zeros_like(found), where=there > 0)
    return _share(recall.sum(axis=-1), (there > 0).sum(axis=-1))


def f1(predictions: Classified, weights: Floats) -> Floats:
    """The harmonic mean of precision and recall; for several classes, the mean over them."""
    found = []
    for each in predictions.scored:
        predicted = predictions.predicted == each
        named = weights[..., predicted, :].sum(axis=(-2, -1))
        both = named + weights[..., each].sum(axis=-1)
        found.append(_share(2 * weights[..., predicted, each].sum(axis=-1), both))
    return _mean_of(found)


def brier(predictions: Classified, weights: Floats) -> Floats:
    """The mean squared difference of the probabilities from 0 and 1, over the classes.

    Of two classes, of one of them, as usual: Brier (1950), Verification of forecasts expressed in
    terms of probability, Monthly Weather Review 78, 1-3.
    """
    return _share((weights * squared(predictions)).sum(axis=(-2, -1)), weights.sum(axis=(-2, -1)))


def log_loss(predictions: Classified, weights: Floats) -> Floats:
    """The mean of -ln of the probability predicted for the true class."""
    surprise = -np.log(np.maximum(_probabilities(predictions), SMALLEST))
    return _share((weights * surprise).sum(axis=(-2, -1)), weights.sum(axis=(-2, -1)))


def roc_auc(predictions: Classified, weights: Floats) -> Floats:
    """The chance that a row of the class has a higher probability than another; ties a half.

    Of several classes, the mean over them, each against all others.

    >>> chances = np.array([[0.1, 0.9], [0.4, 0.6], [0.7, 0.3]])
    >>> predictions = Classified(np.array([1, 1, 0]), 2, chances, positive=1)
    >>> float(roc_auc(predictions, np.array([[0., 1.], [1., 0.], [0., 1.]])))
    0.5
    """
    found = []
    for hits, misses in _ranked(predictions, weights):
        before = np.insert(hits[..., :-1], 0, 0.0, axis=-1)
        area = (np.diff(misses, prepend=0.0) * (hits + before) / 2).sum(axis=-1)
        found.append(_share(area, hits[..., -1] * misses[..., -1]))
    return _mean_of(found)


def pr_auc(predictions: Classified, weights: Floats) -> Floats:
    """Average precision: the precision at each score, weighted by the recall that it adds."""
    (hits, misses), *_ = _ranked(predictions, weights)
    named = hits + misses
    precision = np.divide(hits, named, out=np.zeros_like(hits), where=named > 0)
    return _share((np.diff(hits, prepend=0.0) * precision).sum(axis=-1), hits[..., -1])


def mae(predictions: Regressed, weights: Floats) -> Floats:
    """The mean absolute error."""
    return _mean(np.abs(predictions.predicted - predictions.actual), weights)


def rmse(predictions: Regressed, weights: Floats) -> Floats:
    """The root of the mean squared error."""
    return np.sqrt(_mean((predictions.predicted - predictions.actual) ** 2, weights))


def r2(predictions: Regressed, weights: Floats) -> Floats:
    """The share of the variance that is explained; not a number where there is none."""
    mean, square = _mean(predictions.actual, weights), _mean(predictions.actual**2, weights)
    unexplained = _mean((predictions.predicted - predictions.actual) ** 2, weights)
    variance = square - mean**2
    return 1 - _share(unexplained, np.where(variance > ROUNDING * square, variance, np.nan))


def mape(predictions: Regressed, weights: Floats) -> Floats:
    """The mean absolute error as a part of the true number, which must be above zero."""
    return _mean(np.abs(predictions.predicted - predictions.actual) / predictions.actual, weights)


def within(distance: float, predictions: Regressed, weights: Floats) -> Floats:
    """The share of rows that are predicted to within a distance."""
    close = np.abs(predictions.predicted - predictions.actual) <= distance
    return _mean(close.astype(np.float64), weights)


Measure = Callable[[Any, Floats], Floats]


class Metric(NamedTuple):
    """How a metric is computed, and what it needs of a classifier."""

    measure: Measure
    needs: tuple[str, ...] = ()


CLASSIFICATION: Mapping[str, Metric] = {
    "accuracy": Metric(accuracy),
    "balanced_accuracy": Metric(balanced_accuracy),
    "f1": Metric(f1),
    "roc_auc": Metric(roc_auc, needs=("probabilities",)),
    "pr_auc": Metric(pr_auc, needs=("positive", "probabilities")),
    "brier": Metric(brier, needs=("probabilities",)),
    "log_loss": Metric(log_loss, needs=("probabilities",)),
}
REGRESSION: Mapping[str, Measure] = {"mae": mae, "rmse": rmse, "r2": r2, "mape": mape}


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
                metrics[name] = partial(within, float(name.removeprefix(WITHIN)))
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


def _ranked(predictions: Classified, weights: Floats) -> Iterator[tuple[Floats, Floats]]:
    """For each class scored: its rows, and others, at or above each probability, highest first."""
    counts = weights.sum(axis=-1)
    for each, (order, ends) in zip(predictions.scored, predictions.rankings, strict=True):
        hits = weights[..., order, each]
        misses = counts[..., order] - hits
        yield hits.cumsum(axis=-1)[..., ends], misses.cumsum(axis=-1)[..., ends]


def _mean_of(figures: list[Floats]) -> Floats:
    """The mean over the classes that have the figure; not a number where none has."""
    every = np.stack(figures)
    there = ~np.isnan(every)
    return _share(np.where(there, every, 0.0).sum(axis=0), there.sum(axis=0))


def _mean(values: Floats, weights: Floats) -> Floats:
    return _share((weights * values).sum(axis=-1), weights.sum(axis=-1))


def _share(part: Floats, whole: Floats) -> Floats:
    """Part of whole; not a number where there is nothing to take a part of."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(part, whole))
