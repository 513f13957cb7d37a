"""Numbers of single and half precision, as the decimals that they were before they were rounded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

OFTEN = (3, 6)  # decimals within which most data are
MAX_DECIMALS = 12  # powers of ten up to here are tried; other numbers are read from their text


def shortest(rounded: NDArray[Any]) -> NDArray[np.float64]:
    """Convert floats to doubles by the shortest decimal that rounds to each of them.

    12.8 in single precision is 12.800000190734863 if converted bit by bit, and a tree may have its
    threshold between the two.

    >>> shortest(np.array([12.8, 0.1, 3.0, np.nan, 16777216], np.float32)).tolist()
    [12.8, 0.1, 3.0, nan, 16777216.0]
    """
    flat = rounded.ravel()
    with np.errstate(invalid="ignore"):  # of a NaN that signals
        found = flat.astype(np.float64)
    # Up to here a float can be any whole number, so the shortest decimal of one is itself.
    every_integer = 2.0 ** (np.finfo(flat.dtype).nmant + 1)
    large = np.flatnonzero(np.isfinite(found) & (np.abs(found) > every_integer))
    left = np.flatnonzero(np.isfinite(found) & (found != np.rint(found)))
    exact, single = found[left], flat[left]
    # No two decimals of so many digits are the same float, so one of them needs no shorter one.
    unique = 10.0 ** np.finfo(flat.dtype).precision
    tried = [(decimals, unique) for decimals in OFTEN]
    for decimals, limit in [*tried, *((each, np.inf) for each in range(1, MAX_DECIMALS + 1))]:
        if not len(left):
            break
        digits = np.rint(exact * 10.0**decimals)
        near = digits / 10.0**decimals  # as its text is parsed
        is_found = (near.astype(flat.dtype) == single) & (np.abs(digits) < limit)
        found[left[is_found]] = near[is_found]
        left, exact, single = left[~is_found], exact[~is_found], single[~is_found]
    by_text = np.concatenate([large, left])
    found[by_text] = [float(str(each)) for each in flat[by_text]]
    return found.reshape(rounded.shape)
