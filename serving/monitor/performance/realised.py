"""Realised performance: the metrics of the rows with feedback, beside those on held-out data."""

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace
from scipy import stats

from serving.figures import significant
from serving.models.manifest import Figure
from serving.models.metrics import metric
from serving.monitor.findings import MIN_MEASURED, Realised, Statements
from serving.monitor.performance.bootstrap import Gathered, Simulated, interval, resample
from serving.statement import Statement

FALSE_ALARMS = 0.01


def measure_realised(gathered: Gathered, held_out: Mapping[str, Figure]) -> tuple[Realised, ...]:
    """Compute every metric of predictions with known outcomes, with a bootstrap interval.

    A metric is *worse* where it falls short of the held-out one by at least its spread over the
    folds, and by more than chance explains, corrected for the number of metrics; the held-out
    figure is taken to be as uncertain as one fold's. The interval is the percentile bootstrap's:
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    The bound on false alarms is that of one check. That of concept.py holds for all together.

    >>> from serving.monitor.performance.predictions import Classified, one_hot
    >>> gathered = Gathered()
    >>> actual = one_hot(np.arange(200) // 2 % 2, classes=2)
    >>> gathered.add(Classified(np.arange(200) % 2, 2), actual)
    >>> found = measure_realised(gathered, {"accuracy": Figure(0.8, 0.02, 0.5)})[0]
    >>> found.value, found.verdict
    (0.5, 'worse')
    """
    level = FALSE_ALARMS / max(1, len(gathered.metrics.keys() & held_out.keys()))
    blank = [
        Realised(
            metric=name,
            rows=gathered.rows,
            level=level,
            verdict="not enough yet",
            statements=(_too_few(name, gathered.rows),),
        )
        for name in gathered.metrics
    ]
    if gathered.rows < MIN_MEASURED:
        return tuple(blank)
    simulated = gathered.simulate(resample)
    return tuple(_judge(each, simulated[each.metric], held_out.get(each.metric)) for each in blank)


def _too_few(name: str, rows: int) -> Statement:
    return Statement("too_few", {"metric": name, "rows": rows, "needed": MIN_MEASURED})


def _judge(blank: Realised, simulated: Simulated, held_out: Figure | None) -> Realised:
    value, cases = simulated
    shown: dict[str, int | float | str] = {"metric": blank.metric, "rows": blank.rows}
    if np.isnan(value):
        return replace(blank, statements=(Statement("no_value", shown),))
    low, high = interval(cases)
    shown["value"] = significant(value)
    reach: Statements = ()
    if low is not None and high is not None:
        reach = (Statement("interval", {"low": low, "high": high}),)
    found = replace(
        blank,
        value=significant(value),
        low=low,
        high=high,
        verdict=None,
        statements=(Statement("metric", shown), *reach),
    )
    if held_out is None:
        return found
    gained = value - held_out.mean
    lost = -gained if metric(blank.metric).better == "higher" else gained
    uncertain = float(np.hypot(np.nanstd(cases), held_out.spread))
    p_value = float(stats.norm.sf(lost / uncertain)) if uncertain else float(lost <= 0)
    is_worse = lost >= held_out.spread and p_value < blank.level
    code = "metric_worse" if is_worse else "metric_held_out"
    return replace(
        found,
        held_out=held_out.mean,
        effect=significant(lost),
        threshold=held_out.spread,
        p_value=p_value,
        verdict="worse" if is_worse else "within range",
        statements=(Statement(code, shown | {"held_out": held_out.mean}), *reach),
    )
