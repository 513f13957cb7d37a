"""Estimated performance: the metrics to expect without feedback, from the probabilities."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression

from serving.figures import significant
from serving.models.reference import ReliabilityBin
from serving.monitor.findings import MIN_MEASURED, Estimated
from serving.monitor.performance.bootstrap import Gathered, interval
from serving.monitor.performance.predictions import Classified, Floats


def calibrated(probability: Floats, reliability: Sequence[ReliabilityBin]) -> Floats:
    """The share of held-out rows with such a probability that were of the class.

    The bins' shares are made to rise with the probability (isotonic regression, weighted by rows)
    and joined by straight lines, from 0 at 0 to 1 at 1. Zadrozny and Elkan (2002), Transforming
    Classifier Scores into Accurate Multiclass Probability Estimates, KDD, 694-699.

    >>> bins = [ReliabilityBin(0.2, 0.1, 800), ReliabilityBin(0.8, 0.9, 200)]
    >>> calibrated(np.array([0.1, 0.2, 0.5]), bins).round(3)
    array([0.05, 0.1 , 0.5 ])
    """
    bins = [(each.predicted, each.observed, each.rows) for each in reliability]
    predicted, observed, rows = np.array(bins, dtype=np.float64).T
    rising = isotonic_regression(observed, weights=rows).x
    return np.asarray(np.interp(probability, [0.0, *predicted, 1.0], [0.0, *rising, 1.0]))


def estimate(gathered: Gathered) -> tuple[Estimated, ...]:
    """Estimate every metric of predictions, each row counting in part for each class.

    Confidence-based performance estimation, as in NannyML: a row with a calibrated probability
    c counts as c rows of the class and 1 - c of the other; the expected confusion matrix, and all
    that follows from it, comes out. The interval holds 95 % of what the metric would be if the
    labels were drawn with these probabilities. Białek et al. (2024), Estimating Model Performance
    Under Covariate Shift Without Labels, arXiv:2401.08348.

    Of few rows it covers less, so there are no values below `MIN_MEASURED`.

    Parameters
    ----------
    gathered : Gathered
        With `expected` as weights.

    >>> sure = np.array([[0.9, 0.1], [0.2, 0.8]] * 100)
    >>> gathered = Gathered()
    >>> gathered.add(Classified(sure.argmax(axis=1), 2, sure), sure)
    >>> accuracy, *_ = estimate(gathered)
    >>> accuracy.metric, accuracy.value
    ('accuracy', 0.85)
    """
    if gathered.rows < MIN_MEASURED:
        return tuple(
            Estimated(metric=name, rows=gathered.rows, value=None, low=None, high=None)
            for name in gathered.metrics
        )
    found = []
    for name, (value, cases) in gathered.simulate(_draw_labels).items():
        low, high = interval(cases)
        found.append(
            Estimated(
                metric=name,
                rows=gathered.rows,
                value=None if np.isnan(value) else significant(value),
                low=low,
                high=high,
            )
        )
    return tuple(found)


def expected(predictions: Classified, reliability: Sequence[ReliabilityBin]) -> Floats:
    """How often each row is expected to be of each class, shape (rows, classes).

    Parameters
    ----------
    reliability : sequence
        Of the positive class; empty to take the probabilities as they are.
    """
    assert predictions.probabilities is not None
    if predictions.positive is None or not reliability:
        return predictions.probabilities
    likely = calibrated(predictions.probabilities[:, predictions.positive], reliability)
    found = np.empty_like(predictions.probabilities)
    found[:, predictions.positive], found[:, 1 - predictions.positive] = likely, 1 - likely
    return found


def _draw_labels(random: np.random.Generator, cases: int, expected: Floats) -> Floats:
    """Draw labels with the expected probabilities."""
    below = expected.cumsum(axis=1)[:, :-1]
    drawn = (random.random((cases, len(expected), 1)) > below).sum(axis=-1)
    return np.asarray(np.eye(expected.shape[1])[drawn])
