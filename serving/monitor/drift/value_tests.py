"""Tests of whether a field has values that training did not have, or lacks values that it had."""

from scipy import stats

from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.drift.test import DriftTest, Measured
from serving.statement import Statement


def out_of_range(sample: Numbers) -> Measured:
    """The share of values outside the range of training, and how likely so many are by chance.

    Of n new values of the same distribution the number outside the range of m earlier ones follows
    a beta-binomial distribution (n, 2, m - 1), whatever that distribution is; with ties there are
    fewer. Wilks (1941), Determination of Sample Sizes for Setting Tolerance Limits, Annals of
    Mathematical Statistics 12, 91-96; Gumbel and von Schelling (1950), The Distribution of the
    Number of Exceedances, same journal 21, 247-262.

    >>> import numpy as np
    >>> grid = np.linspace(0, 1, 101)
    >>> moved = Numbers.of(grid, np.linspace(0.1, 1.1, 501), rows=5_000)
    >>> out_of_range(moved).statement.values
    {'share': 0.0998003992015968, 'low': 0.0, 'high': 1.0}
    """
    ends = sample.quantiles[[0, -1]]
    lowest, highest = ends.tolist()
    outside = int(sample.below(ends)[0] + sample.present - sample.up_to(ends)[1])
    share = outside / sample.present
    more = stats.betabinom.sf(outside - 1, sample.present, 2, max(sample.trained - 1, 1))
    statement = Statement("outside", {"share": share, "low": lowest, "high": highest})
    # Far out in the tail the sum that SciPy takes may miss 0 by a rounding error.
    return Measured(share, max(float(more), 0.0), statement)


def unseen_labels(sample: Labels) -> Measured:
    """The share of labels unknown to training, and how likely so many are by chance.

    Where nothing changed, a new row has an unseen label about as often as a row of training had one
    that came only once: Good (1953), The Population Frequencies of Species and the Estimation of
    Population Parameters, Biometrika 40, 237-264. To be safe one such row is added, and two
    standard errors of their number.

    >>> current = {"white": 380, "red": 100, "rosé": 20}
    >>> unseen_labels(Labels({"white": 750, "red": 250}, current)).statement.values
    {'share': 0.04, 'label': 'rosé'}
    """
    seen = {label for label, count in sample.reference.items() if count}
    unseen = {label: count for label, count in sample.current.items() if label not in seen}
    rows = sum(unseen.values())
    once = 1 + sum(count == 1 for count in sample.reference.values())
    rate = min((once + 2 * once**0.5) / (sample.trained + 1), 1.0)
    chance = stats.binom.sf(rows - 1, sample.present, rate)
    share = rows / sample.present
    statement = Statement("unseen", {"share": share})
    if unseen:
        commonest = max(unseen, key=unseen.__getitem__)
        statement = Statement("unseen_most", {"share": share, "label": commonest})
    return Measured(share, float(chance), statement)


def missing(sample: Numbers | Labels) -> Measured:
    """The change of the share of missing values, and the p-value of Fisher's exact test.

    Fisher (1922), On the interpretation of χ² from contingency tables, and the calculation of P,
    Journal of the Royal Statistical Society 85, 87-94.

    >>> labels = Labels({"red": 1_000}, {"red": 400}, trained_missing=20, missing=100)
    >>> missing(labels).statement.values
    {'now': 0.2, 'then': 0.0196078431372549}
    """
    now = sample.missing / (sample.missing + sample.present)
    then = sample.trained_missing / (sample.trained_missing + sample.trained)
    table = [[sample.missing, sample.present], [sample.trained_missing, sample.trained]]
    chance = float(stats.fisher_exact(table).pvalue)
    return Measured(abs(now - then), chance, Statement("missing_now", {"now": now, "then": then}))


# No thresholds are in common use. Where nothing changed, a share of 2 / (rows trained on + 1) lies
# out of range: a hundredth is many times as much for any training data worth the name. A twentieth
# of the rows newly missing, or no longer, is what an operator would want to hear of.
TESTS = (
    DriftTest("out_of_range", Numbers, "share", 0.01, out_of_range, fields_only=True),
    DriftTest("unseen_labels", Labels, "share", 0.01, unseen_labels, fields_only=True),
    DriftTest(
        "missing", Numbers | Labels, "share", 0.05, missing, fields_only=True, with_missing=True
    ),
)
