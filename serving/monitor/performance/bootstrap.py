"""How uncertain a metric is: its value in many random cases of the same predictions."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from serving.figures import significant
from serving.monitor.performance.metrics import Measure
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


def simulate(
    predictions: Classified | Regressed,
    metrics: Mapping[str, Measure],
    weights: Floats,
    draw: Draw,
) -> dict[str, Simulated]:
    """Compute each metric, and its value in 200 cases; the same predictions have the same cases.

    Of many rows a part is taken, evenly, and the cases are moved as much nearer to the metric over
    all rows as that has less variance: the m out of n bootstrap, Bickel, Götze and van Zwet (1997),
    Statistica Sinica 7, 1-31.

    Parameters
    ----------
    draw : callable
        Given a generator, a number of cases and weights, returns the weights of these cases, along
        a first axis.
    """
    random = np.random.default_rng(0)
    step = -(-len(predictions) // MAX_ROWS)
    few, part = predictions.every(step), weights[::step]
    found: dict[str, list[Floats]] = {name: [] for name in metrics}
    at_once = max(1, AT_ONCE // part.size)
    for done in range(0, CASES, at_once):
        cases = draw(random, min(at_once, CASES - done), part)
        for name, measure in metrics.items():
            found[name].append(measure(few, cases))
    nearer = (len(few) / len(predictions)) ** 0.5
    simulated = {}
    for name, measure in metrics.items():
        whole = measure(predictions, weights)
        cases = np.concatenate(found[name]) - measure(few, part)
        simulated[name] = Simulated(float(whole), whole + nearer * cases)
    return simulated


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
