"""The Wasserstein distance: how far values moved on average, in standard deviations."""

import numpy as np
from scipy import stats

from serving.monitor.drift import kolmogorov_smirnov
from serving.monitor.drift.finding import Measured, Test
from serving.monitor.drift.samples import Numbers
from serving.statement import Statement

# Evidently's, for the same distance normed likewise, where the reference has over 1,000 rows.
THRESHOLD = 0.1
LEAST_DEVIATION = 0.001  # what Evidently divides by for a number that was the same in every row


def measure(sample: Numbers) -> Measured:
    """The first Wasserstein distance W = mean over p of |Q_now(p) - Q_training(p)| / deviation.

    The mean goes over the reference's inner quantiles, and the deviation is theirs: the ends of the
    grid are single rows, and one wild value would outweigh all others. The p-value is that of the
    Kolmogorov-Smirnov test: both ask whether the distribution is the same.

    Ramdas, Garcia and Cuturi (2017), On Wasserstein Two-Sample Testing and Related Families of
    Nonparametric Tests, Entropy 19(2), 47.

    >>> grid = np.linspace(0, 1, 101)
    >>> round(measure(Numbers.of(grid, np.linspace(0.1, 1.1, 500), rows=5_000)).effect, 2)
    0.35
    """
    inner = np.linspace(0, 1, len(sample.quantiles))[1:-1]
    places = np.rint(inner * (sample.present - 1)).astype(int)
    then, now = sample.quantiles[1:-1], sample.values[places]
    deviation = float(np.std(then)) if then[0] < then[-1] else LEAST_DEVIATION
    distance = float(stats.wasserstein_distance(now, then)) / deviation
    statement = Statement("moved", {"distance": distance})
    chance = kolmogorov_smirnov.measure(sample).p_value
    return Measured(distance, chance, statement)


TEST = Test("wasserstein", "deviations", THRESHOLD, measure)
