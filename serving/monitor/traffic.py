"""How many predictions a window has, how fast they were, and how late their feedback came."""

from serving import clock
from serving.metrics.requests import Totals
from serving.monitor.counts import Counts
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
        hours = max((now - float(window.since)) / clock.HOUR, 1.0)
        per_hour = round(window.rows / hours, 2)
        median, slowest = (window.durations.quantiles([0.5, 0.99]) / 1_000).round(3).tolist()
    if classes := window.decoder.classes:
        labels = dict(zip(classes, window.labels.tolist(), strict=True))
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


def measure_arrival(predictions: int, delays: Counts) -> Arrival:
    """Measure the share of predictions with feedback, and its delay.

    Feedback still to come is not counted: for a young window share and delay are too small.

    Parameters
    ----------
    predictions : int
        How many there are.
    delays : Counts
        Of feedback, in milliseconds.

    >>> import numpy as np
    >>> delays = Counts()
    >>> delays.add(np.array([60_000.0, 7_200_000.0]))
    >>> found = measure_arrival(4, delays)
    >>> found.share, found.median_seconds, found.p90_seconds
    (0.5, 3630.0, 6486.0)
    """
    with_feedback = int(delays.counts.sum())
    median = tenth = None
    if with_feedback:
        median, tenth = (delays.quantiles([0.5, 0.9]) / 1_000).tolist()
    return Arrival(
        predictions=predictions,
        with_feedback=with_feedback,
        share=with_feedback / max(1, predictions),
        median_seconds=median,
        p90_seconds=tenth,
    )
