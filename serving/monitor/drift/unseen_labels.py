"""Whether labels come that training never saw."""

from scipy import stats

from serving.monitor.drift.samples import Labels
from serving.monitor.findings import Measured, Test, percent

# No threshold is in common use; as for numbers that training never saw, see out_of_range.py.
THRESHOLD = 0.01


def measure(sample: Labels) -> Measured:
    """The share of labels unknown to training, and how likely so many are by chance.

    Where nothing changed, a new row has an unseen label about as often as a row of training had one
    that came only once: Good (1953), The Population Frequencies of Species and the Estimation of
    Population Parameters, Biometrika 40, 237-264. To be safe one such row is added, and two
    standard errors of their number.

    >>> measure(Labels({"white": 750, "red": 250}, {"white": 380, "red": 100, "rosé": 20})).says
    '4.0 % of the labels are unknown to training, most often rosé'
    """
    seen = {label for label, count in sample.reference.items() if count}
    unseen = {label: count for label, count in sample.current.items() if label not in seen}
    rows = sum(unseen.values())
    once = 1 + sum(count == 1 for count in sample.reference.values())
    rate = min((once + 2 * once**0.5) / (sample.trained + 1), 1.0)
    chance = stats.binom.sf(rows - 1, sample.present, rate)
    says = f"{percent(rows / sample.present)} of the labels are unknown to training"
    says += f", most often {max(unseen, key=unseen.__getitem__)}" if unseen else ""
    return Measured(rows / sample.present, float(chance), says)


TEST = Test("unseen_labels", "share", THRESHOLD, measure)
