"""The Kolmogorov-Smirnov test: the largest difference of two cumulative distributions."""

import numpy as np
from scipy import stats

from serving.monitor.findings import Measured, Test, percent
from serving.monitor.samples import Numbers

# As of a category's share, see chi_square.py. No threshold for this one is in common use: Evidently
# and NannyML look at its p-value alone.
THRESHOLD = 0.1


def measure(sample: Numbers) -> Measured:
    """The distance D = sup |F_now(x) - F_training(x)|, and its two-sample p-value.

    Of F_training only quantiles are known: between the j-th and the next of L + 1 of them it lies
    somewhere from j/L to (j + 1)/L, and a value that many rows share repeats as a quantile. D is
    the distance to the nearest distribution with these quantiles, so neither what the grid leaves
    out nor ties count as drift; it is less than that of the full samples by at most 1/L. The
    p-value is the one that scipy's `ks_2samp` uses for large samples. It takes into account that
    training was a sample too, and with ties it is too large rather than too small.

    Smirnov (1939), Bulletin of Moscow University 2(2), 3-16; with ties: Conover (1972), A
    Kolmogorov Goodness-of-Fit Test for Discontinuous Distributions, JASA 67, 591-596.

    >>> grid = np.linspace(0, 1, 101)
    >>> effect, p_value, says = measure(Numbers.of(grid, np.linspace(0.2, 1.2, 500), rows=5_000))
    >>> round(effect, 2), p_value < 1e-9, says
    (0.2, True, '35 % of the values are below 0.550701; 55 % were in training')
    """
    grid, values, steps = sample.quantiles, sample.values, len(sample.quantiles) - 1
    up_to = np.arange(1, len(values) + 1) / len(values)
    before = up_to - 1 / len(values)
    at_most = np.minimum(np.searchsorted(grid, values, side="right"), steps) / steps
    at_least = np.maximum(np.searchsorted(grid, values, side="left") - 1, 0) / steps
    more, fewer = int(np.argmax(up_to - at_most)), int(np.argmax(at_least - before))
    if up_to[more] - at_most[more] > at_least[fewer] - before[fewer]:
        now, then, where = up_to[more], at_most[more], f"at most {values[more]:.6g}"
    else:
        now, then, where = before[fewer], at_least[fewer], f"below {values[fewer]:.6g}"
    distance = float(max(abs(now - then), 0.0))
    return Measured(
        distance,
        p_value(sample, distance),
        f"{percent(now)} of the values are {where}; {percent(then)} were in training",
    )


def p_value(sample: Numbers, distance: float) -> float:
    """How likely two samples of so many values are at least so far apart."""
    rows = sample.trained * sample.present / (sample.trained + sample.present)
    return float(stats.kstwo.sf(distance, round(rows)))


TEST = Test("kolmogorov_smirnov", "share", THRESHOLD, measure)
