"""The Kolmogorov-Smirnov test: the largest difference of two cumulative distributions."""

import numpy as np
from scipy import stats

from serving.monitor.drift.finding import Measured, Test
from serving.monitor.drift.samples import Numbers
from serving.statement import Statement

# As of a category's share, see chi_square.py. No threshold for this one is in common use: Evidently
# and NannyML look at its p-value alone.
THRESHOLD = 0.1


def measure(sample: Numbers) -> Measured:
    """The distance D = sup |F_now(x) - F_training(x)|, and its two-sample p-value.

    Of F_training only L + 1 quantiles are known, and a value that many rows share comes several
    times among them. If a quantile q is the i-th to the j-th, counted from 0, at most i/L of
    training was below q and at least j/L was at or below it. D is the most by which the values now
    break one of these bounds: the distance to the nearest distribution with these quantiles.
    Neither ties nor what lies between two quantiles count as drift, and D is less than that of the
    full samples by at most 1/L.

    The p-value is the one of scipy's `ks_2samp` for large samples: training was a sample too. With
    ties it is too large rather than too small.

    Smirnov (1939), Bulletin of Moscow University 2(2), 3-16; with ties: Conover (1972), A
    Kolmogorov Goodness-of-Fit Test for Discontinuous Distributions, JASA 67, 591-596.

    >>> grid = np.linspace(0, 1, 101)
    >>> found = measure(Numbers.of(grid, np.linspace(0, 1, 500) ** 2, rows=5_000))
    >>> round(found.effect, 2), found.p_value < 1e-9, found.statement.values["edge"]
    (0.25, True, 0.24)
    """
    steps = len(sample.quantiles) - 1
    edges = np.unique(sample.quantiles)
    at_most = np.searchsorted(sample.quantiles, edges, side="left") / steps
    at_least = (np.searchsorted(sample.quantiles, edges, side="right") - 1) / steps
    below = np.searchsorted(sample.values, edges, side="left") / sample.present
    up_to = np.searchsorted(sample.values, edges, side="right") / sample.present
    more, fewer = int(np.argmax(below - at_most)), int(np.argmax(at_least - up_to))
    if below[more] - at_most[more] > at_least[fewer] - up_to[fewer]:
        code, edge, now, then = "more_below", edges[more], below[more], at_most[more]
    else:
        code, edge, now, then = "fewer_up_to", edges[fewer], up_to[fewer], at_least[fewer]
    distance = max(float(abs(now - then)), 0.0)
    statement = Statement(code, {"now": float(now), "edge": float(edge), "then": float(then)})
    return Measured(distance, p_value(sample, distance), statement)


def p_value(sample: Numbers, distance: float) -> float:
    """How likely two samples of so many values are at least so far apart."""
    rows = sample.trained * sample.present / (sample.trained + sample.present)
    return float(stats.kstwo.sf(distance, round(rows)))


TEST = Test("kolmogorov_smirnov", "share", THRESHOLD, measure)
