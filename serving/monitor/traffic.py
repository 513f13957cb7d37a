"""How many predictions a window has, how fast they were, and how late their feedback came."""

import numpy as np
from numpy.typing import ArrayLike

from serving import clock
from serving.metrics.requests import Totals
from serving.monitor.report import Arrival, Traffic
from serving.monitor.window import Window


def measure_traffic(window: Window, counted: Totals, before: Totals, now: int) -> Traffic:
    """Measure rate, latency, warnings and labels of a window, and the requests since a check.

    Parameters
    ----------
    counted, before : Totals
        What the service has counted by now, and by the check before.
    now : int
        Milliseconds since 1970, UTC.
    """
    requests = counted.since(before)
    per_hour = median = slowest = None
    labels: dict[str, int] = {}
    if window.rows:
        hours = max((now - float(window.times.min())) / clock.HOUR, 1.0)
        per_hour = round(window.rows / hours, 2)
        median, slowest = np.quantile(window.durations / 1_000, [0.5, 0.99]).round(3).tolist()
    if classes := window.decoder.classes:
        predicted = window.predicted[window.decoder.known(window.predicted)]
        counts = np.bincount(predicted, minlength=len(classes)).tolist()
        labels = dict(zip(classes, counts, strict=True))
    return Traffic(
        predictions=window.rows,
        requests=requests.requests if counted.requests else None,
        errors=requests.errors if counted.requests else None,
        totals=counted,
        per_hour=per_hour,
        warned=round(window.warned / max(1, window.rows), 4),
        median_ms=median,
        p99_ms=slowest,
        labels=labels,
    )


def measure_arrival(predicted: ArrayLike, fed_back: ArrayLike) -> Arrival:
    """Measure the share of predictions with feedback, and its delay.

    Feedback still to come is not counted: for a young window share and delay are too small.

    Parameters
    ----------
    predicted, fed_back : array_like, shape (predictions,)
        Milliseconds at which each was predicted, and at which its feedback came; NaN: not yet.

    >>> found = measure_arrival([0, 0, 0, 0], [60_000, 7_200_000, float("nan"), float("nan")])
    >>> found.share, found.median_seconds, found.p90_seconds
    (0.5, 3630.0, 6486.0)
    """
    times = np.asarray(fed_back, dtype=np.float64)
    delays = (times - np.asarray(predicted, dtype=np.float64))[~np.isnan(times)] / 1_000
    median = tenth = None
    if len(delays):
        median, tenth = np.quantile(np.maximum(delays, 0), [0.5, 0.9]).tolist()
    return Arrival(
        predictions=len(times),
        with_feedback=len(delays),
        share=len(delays) / max(1, len(times)),
        median_seconds=median,
        p90_seconds=tenth,
    )
