"""How good the model is likely to be before the truth is known, from its own probabilities."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression

from serving.figures import significant
from serving.monitor.performance.answers import Classified, Floats
from serving.monitor.performance.metrics import known
from serving.monitor.performance.performance import interval, simulated
from serving.monitor.report import Estimated


class Reliability(NamedTuple):
    """Held-out rows with like probabilities: their mean, the share that came true, how many."""

    predicted: float
    observed: float
    rows: int


def calibrated(probability: Floats, reliability: Sequence[Reliability]) -> Floats:
    """What share of rows with such a probability came true on held-out data.

    The bins' shares are made to rise with the probability (isotonic regression, weighted by rows)
    and joined by straight lines, from 0 at 0 to 1 at 1. Zadrozny and Elkan (2002), Transforming
    Classifier Scores into Accurate Multiclass Probability Estimates, KDD, 694-699.

    >>> bins = [Reliability(0.2, 0.1, 800), Reliability(0.8, 0.9, 200)]
    >>> calibrated(np.array([0.1, 0.2, 0.5]), bins).round(3)
    array([0.05, 0.1 , 0.5 ])
    """
    predicted, observed, rows = np.array(reliability, dtype=np.float64).T
    rising = isotonic_regression(observed, weights=rows).x
    return np.asarray(np.interp(probability, [0.0, *predicted, 1.0], [0.0, *rising, 1.0]))


def measure(answers: Classified, reliability: Sequence[Reliability]) -> tuple[Estimated, ...]:
    """Every metric that the answers allow, as if each row were in part of each class.

    Confidence-based performance estimation, as NannyML has it: a row with a calibrated probability
    c counts as c rows of the class and 1 - c of the other; the expected confusion matrix, and all
    that follows from it, comes out. The interval holds 95 % of what the metric would be if the
    labels were drawn with these probabilities. Białek et al. (2024), Estimating Model Performance
    Under Covariate Shift Without Labels, arXiv:2401.08348.

    Parameters
    ----------
    reliability : sequence
        Of the positive class; empty to take the probabilities as they are.

    >>> sure = np.array([[0.9, 0.1], [0.2, 0.8]] * 100)
    >>> accuracy, *_ = measure(Classified(sure.argmax(axis=1), 2, sure), [])
    >>> accuracy.metric, accuracy.value
    ('accuracy', 0.85)
    """
    if answers.probabilities is None or not len(answers):
        return ()
    expected = _expected(answers, answers.probabilities, reliability)
    found = []
    for name, (value, cases) in simulated(answers, known(answers), expected, _labelled).items():
        low, high = interval(cases)
        found.append(
            Estimated(
                metric=name,
                rows=len(answers),
                value=None if np.isnan(value) else significant(value),
                low=low,
                high=high,
            )
        )
    return tuple(found)


def _expected(
    answers: Classified, probabilities: Floats, reliability: Sequence[Reliability]
) -> Floats:
    if answers.positive is None or not reliability:
        return probabilities
    likely = calibrated(probabilities[:, answers.positive], reliability)
    expected = np.empty_like(probabilities)
    expected[:, answers.positive], expected[:, 1 - answers.positive] = likely, 1 - likely
    return expected


def _labelled(random: np.random.Generator, cases: int, expected: Floats) -> Floats:
    """Labels drawn with the probabilities that are expected."""
    below = expected.cumsum(axis=1)[:, :-1]
    drawn = (random.random((cases, len(expected), 1)) > below).sum(axis=-1)
    return np.asarray(np.eye(expected.shape[1])[drawn])
