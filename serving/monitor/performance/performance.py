"""How good the model is where the truth is known by now, beside what it was on held-out data."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from scipy import stats

from serving.figures import significant
from serving.models.metrics import metric
from serving.monitor.performance.answers import Classified, Floats, Regressed
from serving.monitor.performance.metrics import Metric, known
from serving.monitor.report import Realised
from serving.statement import Statement

FALSE_ALARMS = 0.01
LEAST_ROWS = 100
COVERAGE = 0.95
CASES = 200
MOST_ROWS = 5_000  # that cases are drawn of
AT_ONCE = 1_000_000  # weights in memory


class HeldOut(NamedTuple):
    """A metric on held-out folds: its mean, and its standard deviation over the folds."""

    mean: float
    spread: float


class Simulated(NamedTuple):
    """A metric over all rows, and over each of the cases."""

    value: float
    cases: Floats


def measure(
    answers: Classified | Regressed, weights: Floats, held_out: Mapping[str, HeldOut]
) -> tuple[Realised, ...]:
    """Every metric that the answers allow, with a bootstrap interval.

    A metric is *worse* where it falls short of the held-out one by at least its spread over
    the folds, and by more than chance explains, corrected for the number of metrics; the held-out
    figure is taken to be as uncertain as one fold's. The interval is the percentile bootstrap's:
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    The bound on false alarms is that of one look. That of concept.py holds however often one looks.

    Parameters
    ----------
    weights : ndarray
        Of a classification `answers.truth`, shape (rows, classes); of a regression ones.

    >>> from serving.monitor.performance.answers import truth
    >>> answers = Classified(np.arange(200) % 2, 2)
    >>> actual = truth(np.arange(200) // 2 % 2, classes=2)
    >>> found = measure(answers, actual, {"accuracy": HeldOut(0.8, 0.02)})[0]
    >>> found.value, found.verdict
    (0.5, 'worse')
    """
    metrics = known(answers, wanted=held_out)
    level = FALSE_ALARMS / max(1, len(metrics.keys() & held_out.keys()))
    if len(answers) < LEAST_ROWS:
        return tuple(_unknown("too_few", name, len(answers), level) for name in metrics)
    found = simulated(answers, metrics, weights, _resampled)
    return tuple(
        _realised(
            name,
            value=found[name].value,
            drawn=found[name].cases,
            rows=len(answers),
            held_out=held_out.get(name),
            level=level,
        )
        for name in metrics
    )


def simulated(
    answers: Classified | Regressed,
    metrics: Mapping[str, Metric],
    weights: Floats,
    draw: Callable[[np.random.Generator, int, Floats], Floats],
) -> dict[str, Simulated]:
    """What each metric comes to, and in each of 200 cases; the same answers have the same cases.

    Of many rows a part is taken, evenly, and the cases are moved as much nearer to the metric over
    all rows as that has less variance: the m out of n bootstrap, Bickel, Götze and van Zwet (1997),
    Statistica Sinica 7, 1-31.

    Parameters
    ----------
    draw : callable
        Given weights, returns those of so many cases, along a first axis.
    """
    random = np.random.default_rng(0)
    step = -(-len(answers) // MOST_ROWS)
    few, part = answers.thinned(step), weights[::step]
    found: dict[str, list[Floats]] = {name: [] for name in metrics}
    at_once = max(1, AT_ONCE // part.size)
    for done in range(0, CASES, at_once):
        cases = draw(random, min(at_once, CASES - done), part)
        for name, each in metrics.items():
            found[name].append(each.measure(few, cases))
    nearer = (len(few) / len(answers)) ** 0.5
    simulated = {}
    for name, each in metrics.items():
        whole = each.measure(answers, weights)
        cases = np.concatenate(found[name]) - each.measure(few, part)
        simulated[name] = Simulated(float(whole), whole + nearer * cases)
    return simulated


def interval(values: Floats) -> tuple[float | None, float | None]:
    """The middle 95 % of the cases in which a metric has a value; none if it never has."""
    there = values[~np.isnan(values)]
    if not len(there):
        return None, None
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(there, [tail, 1 - tail])
    return significant(float(low)), significant(float(high))


def _resampled(random: np.random.Generator, cases: int, weights: Floats) -> Floats:
    """Rows drawn with replacement, as many as there are."""
    rows = len(weights)
    places = random.integers(rows, size=(cases, rows)) + rows * np.arange(cases)[:, None]
    counts = np.bincount(places.ravel(), minlength=cases * rows)
    return np.asarray(counts.reshape(cases, rows, *[1] * (weights.ndim - 1)) * weights)


def _realised(
    name: str,
    *,
    value: float,
    drawn: Floats,
    rows: int,
    held_out: HeldOut | None,
    level: float,
) -> Realised:
    if np.isnan(value):
        return _unknown("no_value", name, rows, level)
    low, high = interval(drawn)
    about: dict[str, int | float | str] = {"metric": name, "rows": rows}
    about["value"] = significant(value)
    more = (
        () if low is None or high is None else (Statement("interval", {"low": low, "high": high}),)
    )
    found = Realised(
        metric=name,
        rows=rows,
        value=significant(value),
        low=low,
        high=high,
        level=level,
        verdict=None,
        statements=(Statement("metric", about), *more),
    )
    if held_out is None:
        return found
    gained = value - held_out.mean
    worse = -gained if metric(name).better == "higher" else gained
    uncertain = float(np.hypot(np.nanstd(drawn), held_out.spread))
    p_value = float(stats.norm.sf(worse / uncertain)) if uncertain else float(worse <= 0)
    is_worse = worse >= held_out.spread and p_value < level
    statements = Statement(
        "metric_worse" if is_worse else "metric_held_out", about | {"held_out": held_out.mean}
    )
    return msgspec.structs.replace(
        found,
        held_out=held_out.mean,
        effect=significant(worse),
        threshold=held_out.spread,
        p_value=p_value,
        verdict="worse" if is_worse else "within range",
        statements=(statements, *more),
    )


def _unknown(code: str, name: str, rows: int, level: float) -> Realised:
    return Realised(
        metric=name,
        rows=rows,
        level=level,
        verdict="not enough yet",
        statements=(Statement(code, {"metric": name, "rows": rows}),),
    )
