"""Whether values lie beyond the lowest and the highest that training saw."""

import numpy as np
from scipy import stats

from serving.monitor.drift.finding import Measured, Test
from serving.monitor.drift.samples import Numbers
from serving.statement import Statement

# No threshold is in common use. Where nothing changed a share of 2 / (rows trained on + 1) lies
# outside: a hundredth is many times as much for any training data worth the name.
THRESHOLD = 0.01


def measure(sample: Numbers) -> Measured:
    """The share of values outside the range of training, and how likely so many are by chance.

    Of n new values of the same distribution the number outside the range of m earlier ones follows
    a beta-binomial distribution (n, 2, m - 1), whatever that distribution is; with ties there are
    fewer. Wilks (1941), Determination of Sample Sizes for Setting Tolerance Limits, Annals of
    Mathematical Statistics 12, 91-96; Gumbel and von Schelling (1950), The Distribution of the
    Number of Exceedances, same journal 21, 247-262.

    >>> grid = np.linspace(0, 1, 101)
    >>> measure(Numbers.of(grid, np.linspace(0.1, 1.1, 501), rows=5_000)).statement.values
    {'share': 0.0998003992015968, 'low': 0.0, 'high': 1.0}
    """
    lowest, highest = sample.quantiles[[0, -1]].tolist()
    outside = int(np.sum((sample.values < lowest) | (sample.values > highest)))
    share = outside / sample.present
    more = stats.betabinom.sf(outside - 1, sample.present, 2, max(sample.trained - 1, 1))
    statement = Statement("outside", {"share": share, "low": lowest, "high": highest})
    # Far out in the tail the sum that scipy takes may miss 0 by a rounding error.
    return Measured(share, max(float(more), 0.0), statement)


TEST = Test("out_of_range", "share", THRESHOLD, measure)
