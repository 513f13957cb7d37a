"""What is done with the values of a feature: the steps of forest_tables.py, on whole columns."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.models.forest_tables import (
    EQUALS,
    FILL,
    LOOKUP,
    RANK,
    REPLACE,
    SCALE,
    STRETCH,
)

Column = NDArray[np.float64]

# By kind, of the values, the step's `a` and `b`, and the numbers that are looked up.
Apply = Callable[[Column, float, float, Column], Any]


def apply_step(kind: int, values: Column, a: float, b: float, numbers: Column) -> Column:
    """Return the values after a step.

    Parameters
    ----------
    kind : int
        One of `STEPS`.
    numbers : ndarray
        What RANK looks up; what LOOKUP does, followed by what belongs to each of them.
    """
    with np.errstate(all="ignore"):
        return np.asarray(STEPS[kind](values, a, b, numbers))


def _look_up(values: Column, a: float, _: float, numbers: Column) -> Column:
    known, found = np.split(numbers, 2)
    place = np.searchsorted(known, values)
    return np.where(np.append(known, np.nan)[place] == values, np.append(found, a)[place], a)


def _rank(values: Column, _a: float, _b: float, numbers: Column) -> Column:
    return np.where(np.isnan(values), values, np.searchsorted(numbers, values))


STEPS: dict[int, Apply] = {
    FILL: lambda values, a, *_: np.where(np.isnan(values), a, values),
    REPLACE: lambda values, a, b, _: np.where(values == a, b, values),
    SCALE: lambda values, a, b, _: (values - a) / b,
    STRETCH: lambda values, a, b, _: values * a + b,
    EQUALS: lambda values, a, *_: (values == a).astype(np.float64),
    LOOKUP: _look_up,
    RANK: _rank,
}
