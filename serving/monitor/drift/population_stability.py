"""The population stability index (PSI), for numbers and for categories."""

import numpy as np
from scipy import stats

from serving.monitor.drift.finding import Measured, Test
from serving.monitor.drift.samples import Floats, Labels, Numbers
from serving.statement import Statement

# The rule of thumb of credit scoring: below 0.1 little change, from 0.25 on a large one. Siddiqi
# (2006), Credit Risk Scorecards, Wiley. Evidently's threshold is the same.
THRESHOLD, LARGE = 0.1, 0.25
BINS = 10


def measure_numbers(sample: Numbers) -> Measured:
    """The PSI over the tenths of training; tenths that share a value are one bin.

    A bin's share of training is known to half a step of the grid at either end. That adds as much
    to the variance as if fewer had been trained on: the grid alone would be a sample of 6 L² / bins
    rows, L being its steps.

    >>> grid = np.linspace(0, 1, 101)
    >>> measure_numbers(Numbers.of(grid, np.linspace(0.1, 1.1, 500), rows=5_000)).statement.code
    'psi_large'
    """
    steps = len(sample.quantiles) - 1
    edges = np.unique(sample.quantiles[np.arange(1, BINS) * steps // BINS])
    # Of training between last / steps and a step more is at or below an edge.
    last = np.searchsorted(sample.quantiles, edges, side="right") - 1
    edges, last = edges[last < steps], last[last < steps]
    then = np.diff((last + 0.5) / steps, prepend=0.0, append=1.0) * sample.trained
    up_to = np.searchsorted(sample.values, edges, side="right")
    now = np.diff(up_to, prepend=0, append=sample.present).astype(np.float64)
    known = 6 * steps**2 / len(then)
    return _measured(then, now, 1 / (1 / sample.trained + 1 / known))


def measure_labels(sample: Labels) -> Measured:
    """The PSI over labels, rare ones taken together.

    >>> labels = Labels({"white": 4_000, "red": 1_000}, {"white": 350, "red": 150})
    >>> measure_labels(labels).statement.code
    'psi_little'
    """
    then, now = sample.table()
    return _measured(then, now, sample.trained)


def _measured(then: Floats, now: Floats, trained: float) -> Measured:
    """PSI = Σ (q_i - p_i) ln(q_i / p_i); half a row is added to each bin, so that none is empty.

    Where nothing changed, PSI · n m / (n + m) follows a chi-square distribution with one degree of
    freedom less than there are bins: Yurdakul and Naranjo (2020), Statistical properties of the
    population stability index, Journal of Risk Model Validation 14(4).
    """
    p, q = ((counts + 0.5) / (counts.sum() + len(counts) / 2) for counts in (then, now))
    index = float(np.sum((q - p) * np.log(q / p)))
    rows = 1 / (1 / trained + 1 / now.sum())
    chance = float(stats.chi2.sf(index * rows, len(then) - 1)) if len(then) > 1 else 1.0
    change = "large" if index >= LARGE else "moderate" if index >= THRESHOLD else "little"
    return Measured(index, chance, Statement(f"psi_{change}", {"index": index}))


OF_NUMBERS = Test("psi", "psi", THRESHOLD, measure_numbers)
OF_LABELS = Test("psi", "psi", THRESHOLD, measure_labels)
