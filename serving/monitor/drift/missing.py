"""Whether more or fewer values are missing than in training."""

from scipy import stats

from serving.monitor.drift.finding import Measured, Test
from serving.monitor.drift.samples import Labels, Numbers
from serving.statement import Statement

# No threshold is in common use; a twentieth of the rows is what we would want to be told of.
THRESHOLD = 0.05


def measure(sample: Numbers | Labels) -> Measured:
    """The change of the share of missing values, and the p-value of Fisher's exact test.

    Fisher (1922), On the interpretation of χ² from contingency tables, and the calculation of P,
    Journal of the Royal Statistical Society 85, 87-94.

    >>> labels = Labels({"red": 1_000}, {"red": 400}, trained_missing=20, missing=100)
    >>> measure(labels).statement.values
    {'now': 0.2, 'then': 0.0196078431372549}
    """
    now = sample.missing / (sample.missing + sample.present)
    then = sample.trained_missing / (sample.trained_missing + sample.trained)
    table = [[sample.missing, sample.present], [sample.trained_missing, sample.trained]]
    chance = float(stats.fisher_exact(table).pvalue)
    return Measured(abs(now - then), chance, Statement("missing_now", {"now": now, "then": then}))


TEST = Test("missing", "share", THRESHOLD, measure)
