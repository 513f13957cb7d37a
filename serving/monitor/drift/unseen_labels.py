"""Whether labels come that training never saw."""

from scipy import stats

from serving.monitor.drift.finding import Measured, Test
from serving.monitor.drift.samples import Labels
from serving.statement import Statement

# No threshold is in common use; as for numbers that training never saw, see out_of_range.py.
THRESHOLD = 0.01


def measure(sample: Labels) -> Measured:
    """The share of labels unknown to training, and how likely so many are by chance.

    Where nothing changed, a new row has an unseen label about as often as a row of training had one
    that came only once: Good (1953), The Population Frequencies of Species and the Estimation of
    Population Parameters, Biometrika 40, 237-264. To be safe one such row is added, and two
    standard errors of their number.

    >>> came = {"white": 380, "red": 100, "rosé": 20}
    >>> measure(Labels({"white": 750, "red": 250}, came)).statement.values
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
        most = max(unseen, key=unseen.__getitem__)
        statement = Statement("unseen_most", {"share": share, "label": most})
    return Measured(share, float(chance), statement)


TEST = Test("unseen_labels", "share", THRESHOLD, measure)
