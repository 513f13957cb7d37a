"""Tests of whether values, or predictions, are distributed as in training."""

import numpy as np
from scipy import stats
from scipy.spatial import distance

from serving.monitor.counts import Floats
from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.drift.test import DriftTest, Measured
from serving.statement import Statement

PSI_MODERATE, PSI_LARGE, PSI_BINS = 0.1, 0.25, 10
MIN_DEVIATION = 0.001  # what Evidently divides by for a number that was the same in every row


def kolmogorov_smirnov(sample: Numbers) -> Measured:
    """The distance D = sup |F_now(x) - F_training(x)|, and its two-sample p-value.

    Of F_training only L + 1 quantiles are known, and a value that many rows share comes several
    times among them. If a quantile q is the i-th to the j-th, counted from 0, at most i/L of
    training was below q and at least j/L was at or below it. D is the largest amount by which the
    values now break one of these bounds: the distance to the nearest distribution with these
    quantiles. Neither ties nor what lies between two quantiles count as drift, and D is less than
    that of the full samples by at most 1/L.

    The p-value is that of SciPy's `ks_2samp` for large samples: training was a sample too. With
    ties it is too large rather than too small.

    Smirnov (1939), Bulletin of Moscow University 2(2), 3-16; with ties: Conover (1972), A
    Kolmogorov Goodness-of-Fit Test for Discontinuous Distributions, JASA 67, 591-596.

    >>> grid = np.linspace(0, 1, 101)
    >>> found = kolmogorov_smirnov(Numbers.of(grid, np.linspace(0, 1, 500) ** 2, rows=5_000))
    >>> round(found.effect, 2), found.p_value < 1e-9, found.statement.values["edge"]
    (0.25, True, 0.24)
    """
    steps = len(sample.quantiles) - 1
    edges = np.unique(sample.quantiles)
    at_most = np.searchsorted(sample.quantiles, edges, side="left") / steps
    at_least = (np.searchsorted(sample.quantiles, edges, side="right") - 1) / steps
    below, up_to = sample.below(edges) / sample.present, sample.up_to(edges) / sample.present
    more, fewer = int(np.argmax(below - at_most)), int(np.argmax(at_least - up_to))
    if below[more] - at_most[more] > at_least[fewer] - up_to[fewer]:
        code, edge, now, then = "more_below", edges[more], below[more], at_most[more]
    else:
        code, edge, now, then = "fewer_up_to", edges[fewer], up_to[fewer], at_least[fewer]
    apart = max(float(abs(now - then)), 0.0)
    rows = sample.trained * sample.present / (sample.trained + sample.present)
    values = {"now": float(now), "edge": float(edge), "then": float(then)}
    return Measured(apart, float(stats.kstwo.sf(apart, round(rows))), Statement(code, values))


def wasserstein(sample: Numbers) -> Measured:
    """The first Wasserstein distance W = mean over p of |Q_now(p) - Q_training(p)| / deviation.

    It is how far values moved on average, in standard deviations. The mean goes over the
    reference's inner quantiles, and the deviation is theirs: the ends of the grid are single rows,
    and one wild value would outweigh all others. The p-value is that of the Kolmogorov-Smirnov
    test: both ask whether the distribution is the same.

    Ramdas, Garcia and Cuturi (2017), On Wasserstein Two-Sample Testing and Related Families of
    Nonparametric Tests, Entropy 19(2), 47.

    >>> grid = np.linspace(0, 1, 101)
    >>> moved = Numbers.of(grid, np.linspace(0.1, 1.1, 500), rows=5_000)
    >>> round(wasserstein(moved).effect, 2)
    0.35
    """
    inner = np.linspace(0, 1, len(sample.quantiles))[1:-1]
    places = np.rint(inner * (sample.present - 1)).astype(int)
    then, now = sample.quantiles[1:-1], sample.at(places)
    deviation = float(np.std(then)) if then[0] < then[-1] else MIN_DEVIATION
    moved = float(stats.wasserstein_distance(now, then)) / deviation
    chance = kolmogorov_smirnov(sample).p_value
    return Measured(moved, chance, Statement("moved", {"distance": moved}))


def chi_square(sample: Labels) -> Measured:
    """The largest change of any label's share, max |q_i - p_i|, and the p-value of Pearson's test.

    The test is that of a table of two rows, training and now, with rare labels taken together.

    Pearson (1900), On the criterion that a given system of deviations..., Philosophical Magazine
    50, 157-175.

    >>> chi_square(Labels({"white": 40, "red": 10}, {"white": 35, "red": 15})).statement.values
    {'label': 'white', 'now': 0.7, 'then': 0.8}
    """
    shares = {
        label: (
            sample.current.get(label, 0) / sample.present,
            sample.reference.get(label, 0) / sample.trained,
        )
        for label in [*sample.reference, *(sample.current.keys() - sample.reference.keys())]
    }
    label, (now, then) = max(shares.items(), key=lambda item: abs(item[1][0] - item[1][1]))
    statement = Statement("largest_change", {"label": label, "now": now, "then": then})
    return Measured(abs(now - then), _pearson(sample), statement)


def jensen_shannon(sample: Labels) -> Measured:
    """The distance √((KL(p ‖ m) + KL(q ‖ m)) / 2), m = (p + q) / 2, in natural logarithms.

    It is 0 to √ln 2 = 0.83, and weighs a rare label that becomes common more than its share's
    change does. Rare labels are taken together. The p-value is that of the chi-square test: both
    ask whether the distribution is the same.

    Lin (1991), Divergence Measures Based on the Shannon Entropy, IEEE Transactions on Information
    Theory 37, 145-151; Endres and Schindelin (2003), A New Metric for Probability Distributions,
    same journal 49, 1858-1860.

    >>> found = jensen_shannon(Labels({"white": 4_000, "red": 1_000}, {"white": 350, "red": 150}))
    >>> round(found.effect, 3)
    0.082
    """
    then, now = sample.table()
    apart = float(distance.jensenshannon(then, now))
    return Measured(apart, _pearson(sample), Statement("labels_apart", {"distance": apart}))


def psi_of_numbers(sample: Numbers) -> Measured:
    """The population stability index over the tenths of training; equal tenths are one bin.

    A bin's share of training is known to half a step of the grid at either end. That adds as much
    to the variance as if fewer had been trained on: the grid alone would be a sample of 6 L² / bins
    rows, L being its steps.

    >>> grid = np.linspace(0, 1, 101)
    >>> moved = Numbers.of(grid, np.linspace(0.1, 1.1, 500), rows=5_000)
    >>> psi_of_numbers(moved).statement.code
    'psi_large'
    """
    steps = len(sample.quantiles) - 1
    edges = np.unique(sample.quantiles[np.arange(1, PSI_BINS) * steps // PSI_BINS])
    # Of training between last / steps and a step more is at or below an edge.
    last = np.searchsorted(sample.quantiles, edges, side="right") - 1
    edges, last = edges[last < steps], last[last < steps]
    then = np.diff((last + 0.5) / steps, prepend=0.0, append=1.0) * sample.trained
    now = np.diff(sample.up_to(edges), prepend=0, append=sample.present).astype(np.float64)
    known = 6 * steps**2 / len(then)
    return _psi(then, now, 1 / (1 / sample.trained + 1 / known))


def psi_of_labels(sample: Labels) -> Measured:
    """The population stability index over labels, rare ones taken together.

    >>> psi_of_labels(Labels({"white": 40, "red": 10}, {"white": 35, "red": 15})).statement.code
    'psi_little'
    """
    then, now = sample.table()
    return _psi(then, now, sample.trained)


def _pearson(sample: Labels) -> float:
    """How likely two samples of one distribution differ as much."""
    table = sample.table()
    if table.shape[1] == 1:
        return 1.0
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _psi(then: Floats, now: Floats, trained: float) -> Measured:
    """PSI = Σ (q_i - p_i) ln(q_i / p_i); half a row is added to each bin, so that none is empty.

    Where nothing changed, PSI · n m / (n + m) follows a chi-square distribution with one degree of
    freedom less than there are bins: Yurdakul and Naranjo (2020), Statistical properties of the
    population stability index, Journal of Risk Model Validation 14(4).
    """
    p, q = ((counts + 0.5) / (counts.sum() + len(counts) / 2) for counts in (then, now))
    index = float(np.sum((q - p) * np.log(q / p)))
    rows = 1 / (1 / trained + 1 / now.sum())
    chance = float(stats.chi2.sf(index * rows, len(then) - 1)) if len(then) > 1 else 1.0
    change = "large" if index >= PSI_LARGE else "moderate" if index >= PSI_MODERATE else "little"
    return Measured(index, chance, Statement(f"psi_{change}", {"index": index}))


# Thresholds: Evidently's, with a reference of over 1,000 rows, for the Wasserstein distance, which
# it norms alike, and for the Jensen-Shannon distance; NannyML's for a label's share, which it calls
# L-infinity. None is in common use for the Kolmogorov-Smirnov distance (Evidently and NannyML take
# its p-value alone), so it is that of a share. For the PSI it is the rule of thumb of credit
# scoring, little change below 0.1 and a large one from 0.25: Siddiqi (2006), Credit Risk
# Scorecards, Wiley; Evidently has the same.
TESTS = (
    DriftTest("kolmogorov_smirnov", Numbers, "share", 0.1, kolmogorov_smirnov),
    DriftTest("wasserstein", Numbers, "deviations", 0.1, wasserstein),
    DriftTest("psi", Numbers, "psi", PSI_MODERATE, psi_of_numbers),
    DriftTest("chi_square", Labels, "share", 0.1, chi_square),
    DriftTest("jensen_shannon", Labels, "distance", 0.1, jensen_shannon),
    DriftTest("psi", Labels, "psi", PSI_MODERATE, psi_of_labels),
)
