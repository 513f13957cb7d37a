"""How many predictions got feedback, and how late it came."""

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from serving.monitor.findings import percent


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback over a window of predictions; delays in seconds, none without feedback.

    Attributes
    ----------
    median, slowest_tenth : float or None
        Half of the feedback, and nine tenths of it, had come after so long.
    """

    predictions: int
    with_feedback: int
    share: float
    median: float | None
    slowest_tenth: float | None
    sentence: str


def measure(predicted: ArrayLike, learnt: ArrayLike) -> Arrival:
    """Share and delay of the feedback to predictions.

    What will come later is not in it: of a young window the share and the delays are too small.

    Parameters
    ----------
    predicted, learnt : array_like, shape (predictions,)
        Milliseconds at which each was predicted, and at which its truth was told; NaN: not yet.

    >>> measure([0, 0, 0, 0], [60_000, 7_200_000, float("nan"), float("nan")]).sentence
    '50 % of 4 predictions have feedback; half of it came within 1 h, nine tenths within 1.8 h'
    """
    told = np.asarray(learnt, dtype=np.float64)
    delays = (told - np.asarray(predicted, dtype=np.float64))[~np.isnan(told)] / 1_000
    share = len(delays) / max(1, len(told))
    median = tenth = None
    says = f"{percent(share)} of {len(told)} predictions have feedback"
    if len(delays):
        median, tenth = (float(each) for each in np.quantile(np.maximum(delays, 0), [0.5, 0.9]))
        says += f"; half of it came within {_span(median)}, nine tenths within {_span(tenth)}"
    return Arrival(
        predictions=len(told),
        with_feedback=len(delays),
        share=share,
        median=median,
        slowest_tenth=tenth,
        sentence=says,
    )


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.2g} s"
