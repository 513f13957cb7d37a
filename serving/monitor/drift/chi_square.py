"""The chi-square test: whether the labels of a category come as often as in training."""

from scipy import stats

from serving.monitor.drift.finding import Measured, Test
from serving.monitor.drift.samples import Labels
from serving.statement import Statement

# NannyML's for the same distance, which it calls L-infinity.
THRESHOLD = 0.1


def measure(sample: Labels) -> Measured:
    """The largest change of any label's share, max |q_i - p_i|, and the p-value of Pearson's test.

    The test is that of a table of two rows, training and now, with rare labels taken together.

    Pearson (1900), On the criterion that a given system of deviations..., Philosophical Magazine
    50, 157-175.

    >>> measure(Labels({"white": 4_000, "red": 1_000}, {"white": 350, "red": 150})).statement.values
    {'label': 'white', 'now': 0.7, 'then': 0.8}
    """
    labels = [*sample.reference, *(sample.current.keys() - sample.reference.keys())]
    changes = {label: _share(sample, label) for label in labels}
    label, (now, then) = max(changes.items(), key=lambda item: abs(item[1][0] - item[1][1]))
    statement = Statement("largest_change", {"label": label, "now": now, "then": then})
    return Measured(abs(now - then), p_value(sample), statement)


def p_value(sample: Labels) -> float:
    """How likely two samples of one distribution differ as much."""
    table = sample.table()
    if table.shape[1] == 1:
        return 1.0
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _share(sample: Labels, label: str) -> tuple[float, float]:
    now = sample.current.get(label, 0) / sample.present
    return now, sample.reference.get(label, 0) / sample.trained


TEST = Test("chi_square", "share", THRESHOLD, measure)
