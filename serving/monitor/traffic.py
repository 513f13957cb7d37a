"""How much is asked, how fast it is answered, and what the answers are."""

import numpy as np

from serving.metrics.families import Totals
from serving.monitor.report import Traffic
from serving.monitor.window import Window

HOUR = 3_600_000  # milliseconds
NOTHING = Totals(0, {})


def traffic(window: Window, counted: Totals, before: Totals, now: int) -> Traffic:
    """Measure it.

    Parameters
    ----------
    counted, before : Totals
        What the service has counted by now, and by the pass before.
    now : int
        Milliseconds since 1970, UTC.
    """
    requests = counted.since(before)
    per_hour = median = slowest = None
    labels: dict[str, int] = {}
    if window.rows:
        hours = max((now - float(window.times.min())) / HOUR, 1.0)
        per_hour = round(window.rows / hours, 2)
        median, slowest = np.quantile(window.durations / 1_000, [0.5, 0.99]).round(3).tolist()
    if window.answers.classes:
        predicted = window.predicted[window.answers.known(window.predicted)]
        counts = np.bincount(predicted, minlength=len(window.answers.classes)).tolist()
        labels = dict(zip(window.answers.classes, counts, strict=True))
    return Traffic(
        predictions=window.rows,
        requests=requests.requests if counted.requests else None,
        errors=requests.errors if counted.requests else None,
        counted=counted,
        per_hour=per_hour,
        warned=round(window.warned / max(1, window.rows), 4),
        median_ms=median,
        slowest_hundredth_ms=slowest,
        labels=labels,
    )
