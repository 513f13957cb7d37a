"""The Jensen-Shannon distance of two categorical distributions."""

from scipy.spatial import distance

from serving.monitor.drift import chi_square
from serving.monitor.drift.finding import Measured, Test
from serving.monitor.drift.samples import Labels
from serving.statement import Statement

# Evidently's, where the reference has over 1,000 rows.
THRESHOLD = 0.1


def measure(sample: Labels) -> Measured:
    """The distance √((KL(p ‖ m) + KL(q ‖ m)) / 2), m = (p + q) / 2, in natural logarithms.

    It is 0 to √ln 2 = 0.83, and weighs a rare label that becomes common more than its share's
    change does. Rare labels are taken together. The p-value is that of the chi-square test: both
    ask whether the distribution is the same.

    Lin (1991), Divergence Measures Based on the Shannon Entropy, IEEE Transactions on Information
    Theory 37, 145-151; Endres and Schindelin (2003), A New Metric for Probability Distributions,
    same journal 49, 1858-1860.

    >>> found = measure(Labels({"white": 4_000, "red": 1_000}, {"white": 350, "red": 150}))
    >>> round(found.effect, 3)
    0.082
    """
    then, now = sample.table()
    apart = float(distance.jensenshannon(then, now))
    statement = Statement("labels_apart", {"distance": apart})
    return Measured(apart, chi_square.p_value(sample), statement)


TEST = Test("jensen_shannon", "distance", THRESHOLD, measure)
