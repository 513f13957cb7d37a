"""How uncertain a metric is: its value in many random cases of the same predictions."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from serving.figures import significant
from serving.monitor.counts import Counts, EvenRows
from serving.monitor.performance.measures import Measure, Ranks, Sums
from serving.monitor.performance.metrics import metrics_of
from serving.monitor.performance.predictions import Classified, Floats, Regressed

COVERAGE = 0.95
CASES = 200
MAX_ROWS = 5_000  # that cases are drawn from
AT_ONCE = 1_000_000  # weights in memory

Draw = Callable[[np.random.Generator, int, Floats], Floats]


class Simulated(NamedTuple):
    """A metric over all rows, and in each of the cases."""

    value: float
    cases: Floats


class Gathered:
    """What the metrics of many predictions are computed from, which come in parts.

    The sums over all rows are exact. So are areas, up to 32,768 different probabilities of a class;
    of more, those that are counted together are ties: an area is off by at most half the share of
    the pairs that this makes ties of.

    Parameters
    ----------
    wanted : iterable of str
        More metrics than the usual ones, as in `metrics_of`.

    Attributes
    ----------
    rows : int
    metrics : dict
        By name: those that all parts allow.
    """

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self.rows = 0
        self.metrics: dict[str, Measure] = {}
        self._wanted = (*wanted,)
        self._sums: dict[str, Floats] = {}
        self._ranks: list[Counts] = []
        self._even = EvenRows(MAX_ROWS)
        self._last: Classified | Regressed | None = None

    def add(self, predictions: Classified | Regressed, weights: Floats) -> None:
        """Add rows with their weights, shape (rows, classes), or (rows,) of a regression."""
        metrics = metrics_of(predictions, self._wanted)
        if self._last is not None:
            metrics = {name: each for name, each in metrics.items() if name in self.metrics}
        self.metrics, self._last = metrics, predictions
        self.rows += len(predictions)
        for name, measure in metrics.items():
            if isinstance(measure, Sums):
                self._sums[name] = self._sums.get(name, 0.0) + measure.tally(predictions, weights)
        if isinstance(predictions, Classified) and predictions.probabilities is not None:
            self._ranks = self._ranks or [Counts() for _ in predictions.scored]
            counts = weights.sum(axis=1)
            for each, ranks in zip(predictions.scored, self._ranks, strict=True):
                hits = weights[:, each]
                ranks.add(predictions.probabilities[:, each], np.stack([hits, counts - hits], 1))
        self._even.add([*predictions.columns, weights])

    def simulate(self, draw: Draw) -> dict[str, Simulated]:
        """Compute each metric, and its value in 200 cases; the same rows have the same cases.

        Of many rows a part is taken, evenly, and the cases are moved as much nearer to the metric
        over all rows as that has less variance: the m out of n bootstrap, Bickel, Götze and van
        Zwet (1997), Statistica Sinica 7, 1-31.

        Parameters
        ----------
        draw : callable
            Given a generator, a number of cases and weights, returns the weights of these cases,
            along a first axis.
        """
        if self._last is None:
            return {}
        random = np.random.default_rng(0)
        *columns, part = self._even.columns()
        few = self._last.of_columns(columns)
        found: dict[str, list[Floats]] = {name: [] for name in self.metrics}
        at_once = max(1, AT_ONCE // part.size)
        for done in range(0, CASES, at_once):
            cases = draw(random, min(at_once, CASES - done), part)
            for name, measure in self.metrics.items():
                found[name].append(measure(few, cases))
        nearer = (len(few) / self.rows) ** 0.5
        simulated = {}
        for name, whole in self._values():
            cases = np.concatenate(found[name]) - self.metrics[name](few, part)
            simulated[name] = Simulated(whole, whole + nearer * cases)
        return simulated

    def _values(self) -> Iterator[tuple[str, float]]:
        """Each metric over all rows."""
        ranks = [_ranks(each) for each in self._ranks]
        for name, measure in self.metrics.items():
            if isinstance(measure, Sums):
                yield name, float(measure.value(self._sums[name]))
            else:
                yield name, float(measure.value(ranks))


def resample(random: np.random.Generator, cases: int, weights: Floats) -> Floats:
    """Draw rows with replacement, as many as there are."""
    rows = len(weights)
    places = random.integers(rows, size=(cases, rows)) + rows * np.arange(cases)[:, None]
    counts = np.bincount(places.ravel(), minlength=cases * rows)
    return np.asarray(counts.reshape(cases, rows, *[1] * (weights.ndim - 1)) * weights)


def interval(values: Floats) -> tuple[float | None, float | None]:
    """The middle 95 % of the cases in which a metric has a value; None if it never has one."""
    there = values[~np.isnan(values)]
    if not len(there):
        return None, None
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(there, [tail, 1 - tail])
    return significant(float(low)), significant(float(high))


def _ranks(counted: Counts) -> Ranks:
    return Ranks(*counted.counts[::-1].cumsum(axis=0).T)
