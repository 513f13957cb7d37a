"""What a metric is: computed from sums over rows, or from how probabilities rank them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from serving.monitor.performance.predictions import Classified, Floats


class Ranks(NamedTuple):
    """Of one class: its rows, and others, at or above each probability, the highest first."""

    hits: Floats
    misses: Floats


class Sums(NamedTuple):
    """A metric that is computed from sums over rows, which may come in parts.

    Attributes
    ----------
    tally : callable
        The sums over rows, shape (..., sums), or more axes.
    value : callable
        The metric, from these.
    """

    tally: Callable[[Any, Floats], Floats]
    value: Callable[[Floats], Floats]

    def __call__(self, predictions: Any, weights: Floats) -> Floats:
        """Compute the metric over rows that are all there."""
        return self.value(self.tally(predictions, weights))


class Area(NamedTuple):
    """A metric of how well probabilities rank rows.

    Attributes
    ----------
    value : callable
        The metric, from the ranks of each class scored.
    """

    value: Callable[[Sequence[Ranks]], Floats]

    def __call__(self, predictions: Any, weights: Floats) -> Floats:
        """Compute the metric over rows that are all there."""
        return self.value([*_ranked(predictions, weights)])


Measure = Sums | Area


def _ranked(predictions: Classified, weights: Floats) -> Iterator[Ranks]:
    counts = weights.sum(axis=-1)
    for each, (order, ends) in zip(predictions.scored, predictions.rankings, strict=True):
        hits = weights[..., order, each]
        misses = counts[..., order] - hits
        yield Ranks(hits.cumsum(axis=-1)[..., ends], misses.cumsum(axis=-1)[..., ends])


def weighted(values: Floats, weights: Floats) -> Floats:
    """The sums that a weighted mean is the ratio of."""
    return pair((weights * values).sum(axis=-1), weights.sum(axis=-1))


def pair(part: Floats, whole: Floats) -> Floats:
    """The sums that a share is computed from, along a last axis."""
    return np.stack([part, whole], axis=-1)


def share(part: Floats, whole: Floats) -> Floats:
    """Part of whole; not a number where there is nothing to take a part of."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(part, whole))


def mean_of(figures: Floats) -> Floats:
    """The mean over the classes that have the figure; not a number where none has."""
    there = ~np.isnan(figures)
    return share(np.where(there, figures, 0.0).sum(axis=-1), there.sum(axis=-1))


def ratio(sums: Floats) -> Floats:
    """The share that a pair of sums is."""
    return share(sums[..., 0], sums[..., 1])


def root(sums: Floats) -> Floats:
    """The square root of a mean of squares."""
    return np.sqrt(ratio(sums))


def mean_ratio(sums: Floats) -> Floats:
    """The mean of the shares of all classes."""
    return mean_of(ratio(sums))
