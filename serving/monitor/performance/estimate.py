"""Estimated performance: the metrics to expect without feedback, from the probabilities."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression

from serving.figures import significant
from serving.models.reference import ReliabilityBin
from serving.monitor.findings import Estimated
from serving.monitor.performance.bootstrap import interval, simulate
from serving.monitor.performance.metrics import metrics_of
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


def estimate(
    predictions: Classified, reliability: Sequence[ReliabilityBin]
) -> tuple[Estimated, ...]:
    """Estimate every metric that the predictions allow, each row counting in part for each class.

    Confidence-based performance estimation, as in NannyML: a row with a calibrated probability
    c counts as c rows of the class and 1 - c of the other; the expected confusion matrix, and all
    that follows from it, comes out. The interval holds 95 % of what the metric would be if the
    labels were drawn with these probabilities. Białek et al. (2024), Estimating Model Performance
    Under Covariate Shift Without Labels, arXiv:2401.08348.

    Parameters
    ----------
    reliability : sequence
        Of the positive class; empty to take the probabilities as they are.

    >>> sure = np.array([[0.9, 0.1], [0.2, 0.8]] * 100)
    >>> accuracy, *_ = estimate(Classified(sure.argmax(axis=1), 2, sure), [])
    >>> accuracy.metric, accuracy.value
    ('accuracy', 0.85)
    """
    if predictions.probabilities is None or not len(predictions):
        return ()
    expected = _expected(predictions, predictions.probabilities, reliability)
    simulated = simulate(predictions, metrics_of(predictions), expected, _draw_labels)
    found = []
    for name, (value, cases) in simulated.items():
        low, high = interval(cases)
        found.append(
            Estimated(
                metric=name,
                rows=len(predictions),
                value=None if np.isnan(value) else significant(value),
                low=low,
                high=high,
            )
        )
    return tuple(found)


def _expected(
    predictions: Classified, probabilities: Floats, reliability: Sequence[ReliabilityBin]
) -> Floats:
    if predictions.positive is None or not reliability:
        return probabilities
    likely = calibrated(probabilities[:, predictions.positive], reliability)
    expected = np.empty_like(probabilities)
    expected[:, predictions.positive], expected[:, 1 - predictions.positive] = likely, 1 - likely
    return expected


def _draw_labels(random: np.random.Generator, cases: int, expected: Floats) -> Floats:
    """Draw labels with the expected probabilities."""
    below = expected.cumsum(axis=1)[:, :-1]
    drawn = (random.random((cases, len(expected), 1)) > below).sum(axis=-1)
    return np.asarray(np.eye(expected.shape[1])[drawn])
