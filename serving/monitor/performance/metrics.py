"""The figures that a model is judged by, for rows that count more than once, or only in part.

Each takes the model's answers and weights. Of a regression a weight says how often a row counts; of
a classification, how often it counts as truly of each class. So one formula gives the figure itself
(weights 1 for what came true), its bootstrap (how often a row was drawn) and its expectation where
the truth is unknown (probabilities). Leading axes of the weights are many such cases at once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from serving.models.metrics import WITHIN
from serving.monitor.performance.answers import Classified, Floats, Regressed

SMALLEST = 1e-15  # probability that a logarithm is taken of
ROUNDING = 1e-12  # of a square, which a variance of nothing may come to


def accuracy(answers: Classified, truth: Floats) -> Floats:
    """The share of rows whose predicted class is theirs."""
    return _share(_right(answers, truth).sum(axis=-1), truth.sum(axis=(-2, -1)))


def balanced_accuracy(answers: Classified, truth: Floats) -> Floats:
    """The share found of each class, averaged over the classes that came."""
    found = np.stack(
        [truth[..., answers.predicted == each, each].sum(-1) for each in range(answers.classes)], -1
    )
    there = truth.sum(axis=-2)
    recall = np.divide(found, there, out=np.zeros_like(found), where=there > 0)
    return _share(recall.sum(axis=-1), (there > 0).sum(axis=-1))


def f1(answers: Classified, truth: Floats) -> Floats:
    """The harmonic mean of precision and recall; of several classes sought, their mean."""
    found = []
    for each in answers.sought:
        said = answers.predicted == each
        named = truth[..., said, :].sum(axis=(-2, -1))
        both = named + truth[..., each].sum(axis=-1)
        found.append(_share(2 * truth[..., said, each].sum(axis=-1), both))
    return _mean_of(found)


def brier(answers: Classified, truth: Floats) -> Floats:
    """The mean squared difference of the probabilities from 0 and 1, over the classes.

    Of two classes, of one of them, as usual: Brier (1950), Verification of forecasts expressed in
    terms of probability, Monthly Weather Review 78, 1-3.
    """
    return _share((truth * squared(answers)).sum(axis=(-2, -1)), truth.sum(axis=(-2, -1)))


def log_loss(answers: Classified, truth: Floats) -> Floats:
    """The mean of -ln of the probability that was given to what came true."""
    surprise = -np.log(np.maximum(_probabilities(answers), SMALLEST))
    return _share((truth * surprise).sum(axis=(-2, -1)), truth.sum(axis=(-2, -1)))


def roc_auc(answers: Classified, truth: Floats) -> Floats:
    """The chance that a row of the class has a higher probability than another; ties a half.

    Of several classes sought, the mean over them, each against all others.

    >>> answers = Classified(np.array([1, 1, 0]), 2, np.array([[.1, .9], [.4, .6], [.7, .3]]), 1)
    >>> float(roc_auc(answers, np.array([[0., 1.], [1., 0.], [0., 1.]])))
    0.5
    """
    found = []
    for hits, misses in _ranked(answers, truth):
        before = np.insert(hits[..., :-1], 0, 0.0, axis=-1)
        area = (np.diff(misses, prepend=0.0) * (hits + before) / 2).sum(axis=-1)
        found.append(_share(area, hits[..., -1] * misses[..., -1]))
    return _mean_of(found)


def pr_auc(answers: Classified, truth: Floats) -> Floats:
    """Average precision: the precision at each score, weighted by the recall that it adds."""
    (hits, misses), *_ = _ranked(answers, truth)
    named = hits + misses
    precision = np.divide(hits, named, out=np.zeros_like(hits), where=named > 0)
    return _share((np.diff(hits, prepend=0.0) * precision).sum(axis=-1), hits[..., -1])


def mae(answers: Regressed, weights: Floats) -> Floats:
    """The mean absolute error."""
    return _mean(np.abs(answers.predicted - answers.actual), weights)


def rmse(answers: Regressed, weights: Floats) -> Floats:
    """The root of the mean squared error."""
    return np.sqrt(_mean((answers.predicted - answers.actual) ** 2, weights))


def r2(answers: Regressed, weights: Floats) -> Floats:
    """The share of the variance that is explained; not a number where there is none."""
    mean, square = _mean(answers.actual, weights), _mean(answers.actual**2, weights)
    unexplained = _mean((answers.predicted - answers.actual) ** 2, weights)
    variance = square - mean**2
    return 1 - _share(unexplained, np.where(variance > ROUNDING * square, variance, np.nan))


def mape(answers: Regressed, weights: Floats) -> Floats:
    """The mean absolute error as a part of what was true, which is to be above zero."""
    return _mean(np.abs(answers.predicted - answers.actual) / answers.actual, weights)


def within(distance: float, answers: Regressed, weights: Floats) -> Floats:
    """The share of rows that are predicted to within a distance."""
    close = np.abs(answers.predicted - answers.actual) <= distance
    return _mean(close.astype(np.float64), weights)


class Metric(NamedTuple):
    """How a metric is computed, and what it needs of a classifier."""

    measure: Callable[[Any, Floats], Floats]
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
REGRESSION: Mapping[str, Metric] = {
    "mae": Metric(mae),
    "rmse": Metric(rmse),
    "r2": Metric(r2),
    "mape": Metric(mape),
}


def known(answers: Classified | Regressed, wanted: Iterable[str] = ()) -> dict[str, Metric]:
    """The metrics that these answers can be judged by.

    Parameters
    ----------
    wanted : iterable of str
        Names of more, if they are shares `within_` a distance, as in `within_0.5`.
    """
    if isinstance(answers, Regressed):
        metrics = dict(REGRESSION)
        if (answers.actual <= 0).any():
            del metrics["mape"]
        for name in wanted:
            if name.startswith(WITHIN):
                near = partial(within, float(name.removeprefix(WITHIN)))
                metrics[name] = Metric(near)
        return metrics
    return {
        name: metric
        for name, metric in CLASSIFICATION.items()
        if all(getattr(answers, need) is not None for need in metric.needs)
    }


def squared(answers: Classified) -> Floats:
    """For each row and class that it may turn out to be of, its part of the Brier score."""
    probabilities = _probabilities(answers)
    whole = (probabilities**2).sum(axis=1, keepdims=True) - 2 * probabilities + 1
    return np.asarray(whole / 2 if answers.classes == 2 else whole)  # noqa: PLR2004 - yes or no


def _probabilities(answers: Classified) -> Floats:
    assert answers.probabilities is not None
    return answers.probabilities


def _right(answers: Classified, truth: Floats) -> Floats:
    return truth[..., np.arange(len(answers)), answers.predicted]


def _ranked(answers: Classified, truth: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Rows of each class sought, and others, at or above each probability, highest first."""
    counts = truth.sum(axis=-1)
    for each, (order, ends) in zip(answers.sought, answers.rankings, strict=True):
        hits = truth[..., order, each]
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
