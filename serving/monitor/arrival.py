"""How many predictions got feedback, and how late it came."""

import numpy as np
from numpy.typing import ArrayLike

from serving.monitor.report import Arrival


def measure(predicted: ArrayLike, learnt: ArrayLike) -> Arrival:
    """Share and delay of the feedback to predictions.

    What will come later is not in it: of a young window the share and the delays are too small.

    Parameters
    ----------
    predicted, learnt : array_like, shape (predictions,)
        Milliseconds at which each was predicted, and at which its truth was told; NaN: not yet.

    >>> found = measure([0, 0, 0, 0], [60_000, 7_200_000, float("nan"), float("nan")])
    >>> found.share, found.median, found.slowest_tenth
    (0.5, 3630.0, 6486.0)
    """
    told = np.asarray(learnt, dtype=np.float64)
    delays = (told - np.asarray(predicted, dtype=np.float64))[~np.isnan(told)] / 1_000
    share = len(delays) / max(1, len(told))
    median = tenth = None
    if len(delays):
        median, tenth = (float(each) for each in np.quantile(np.maximum(delays, 0), [0.5, 0.9]))
    return Arrival(
        predictions=len(told),
        with_feedback=len(delays),
        share=share,
        median=median,
        slowest_tenth=tenth,
    )
