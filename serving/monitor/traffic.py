"""How much is asked, how fast it is answered, and what the answers are."""

import msgspec
import numpy as np

from serving.metrics.families import Totals
from serving.monitor.window import Window

HOUR = 3_600_000  # milliseconds
NOTHING = Totals(0, {})


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What passed in a window.

    Attributes
    ----------
    requests : int or None
        Requests for predictions of any model since the report before; None where the service's
        counts are not in this `VAR_DIR`.
    errors : dict of str to int, or None
        Those of them that failed, by status.
    counted : Totals
        All that the service ever counted, for the next pass.
    per_hour : float or None
        Predictions, from the first in the window until the pass; of less than an hour, all.
    warned : float
        The share of predictions with a warning.
    median_ms, slowest_hundredth_ms : float or None
        Half of the predictions, and 99 in a hundred, were answered within; a request about many
        counts with each.
    labels : dict of str to int
        How often each was predicted; empty for a regression.
    """

    predictions: int
    requests: int | None = None
    errors: dict[str, int] | None = None
    counted: Totals
    per_hour: float | None
    warned: float
    median_ms: float | None
    slowest_hundredth_ms: float | None
    labels: dict[str, int]


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
