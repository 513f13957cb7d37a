"""Prediction intervals by split conformal residuals.

Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), Distribution-Free Predictive Inference for
Regression, JASA 113, 1094-1111. The residuals are those of cross-validation, so that no row is
lost to training; a model fitted on all rows is a little better than those of the folds.
"""

import math

import numpy as np
from numpy.typing import NDArray

from serving.models.manifest import Interval

COVERAGE = 0.9

Numbers = NDArray[np.float64]


def conformal(y: Numbers, predicted: Numbers, groups: NDArray[np.intp], seed: int) -> Interval:
    """The interval around a prediction that contains 90 % of actual values.

    It is relative to the prediction where that makes it narrower on average. Its coverage is
    measured on each half of the groups by an interval made from the other half.

    Parameters
    ----------
    y, predicted : ndarray of float, shape (rows,)
        Of rows that the model was not fitted on. With fewer than 19 the interval reaches from the
        lowest to the highest residual and may contain less.
    groups : ndarray of int, shape (rows,)
        Rows of one group stay in the same half.
    """
    scales = [np.ones_like(predicted)]
    if (predicted > 0).all():
        scales.append(predicted)
    widths = [np.mean(scale) * np.ptp(_ends((y - predicted) / scale)) for scale in scales]
    scale = scales[int(np.argmin(widths))]
    residuals = (y - predicted) / scale

    members = np.unique(groups)
    drawn = np.random.default_rng(seed).permutation(members)[: len(members) // 2]
    half = np.isin(groups, drawn)
    inside = np.empty(len(y), dtype=bool)
    for one in (half, ~half):
        low, high = _ends(residuals[~one])
        inside[one] = (low <= residuals[one]) & (residuals[one] <= high)
    low, high = (float(f"{end:.6g}") for end in _ends(residuals))
    relative = scale is not scales[0]
    return Interval(COVERAGE, low, high, relative, round(float(inside.mean()), 4), len(y))


def _ends(residuals: Numbers) -> tuple[float, float]:
    """The residuals that 5 % are below and above, counted as if for one more row."""
    ordered = np.sort(residuals)
    beyond = math.floor((len(ordered) + 1) * (1 - COVERAGE) / 2)
    return ordered[max(beyond - 1, 0)], ordered[min(len(ordered) - beyond, len(ordered) - 1)]
