"""Prediction intervals by split conformal residuals.

Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-Free Predictive Inference for
Regression, JASA 113, 1094-1111. The residuals are those of cross-validation, so that no row is
lost to training; models on all rows, a little better than those of the folds, err a little less.
"""

import math

import numpy as np
from numpy.typing import NDArray

from serving.models.manifest import Interval

COVERAGE = 0.9

Numbers = NDArray[np.float64]


def conformal(y: Numbers, predicted: Numbers, groups: NDArray[np.intp], seed: int) -> Interval:
    """The interval around a prediction that holds 90 % of true values.

    It is relative to the prediction where that makes it narrower on average. Its coverage is
    measured on each half of the groups by an interval made from the other half.

    Parameters
    ----------
    truth, predicted : ndarray of float, shape (rows,)
        Of rows that the model was not fitted on. Fewer than 19 have no 5 % beyond them: their
        interval reaches from the lowest to the highest residual and may hold less.
    groups : ndarray of int, shape (rows,)
        Rows of one group stay in one half.
    """
    scales = [np.ones_like(predicted)]
    if (predicted > 0).all():
        scales.append(predicted)
    widths = [np.mean(scale) * np.ptp(_ends((y - predicted) / scale)) for scale in scales]
    scale = scales[int(np.argmin(widths))]
    residuals = (y - predicted) / scale

    members = np.unique(groups)
    chosen = np.random.default_rng(seed).permutation(members)[: len(members) // 2]
    half = np.isin(groups, chosen)
    held = np.empty(len(y), dtype=bool)
    for one in (half, ~half):
        low, high = _ends(residuals[~one])
        held[one] = (low <= residuals[one]) & (residuals[one] <= high)
    low, high = (float(f"{end:.6g}") for end in _ends(residuals))
    relative = scale is not scales[0]
    return Interval(COVERAGE, low, high, relative, round(float(held.mean()), 4), len(y))


def _ends(residuals: Numbers) -> tuple[float, float]:
    """The residuals that 5 % are below and above, counted as for one more that is to come."""
    ordered = np.sort(residuals)
    beyond = math.floor((len(ordered) + 1) * (1 - COVERAGE) / 2)
    return ordered[max(beyond - 1, 0)], ordered[min(len(ordered) - beyond, len(ordered) - 1)]
