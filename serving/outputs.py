"""From a model's bare answers, one row of numbers each, to predictions as people take them.

Answers are rounded first, so a label always agrees with the probabilities that the client sees.
Probabilities have six decimals; the numbers of a regression six digits, counted from the first of
the largest recorded answer, or fewer: no more than six stand after the point, and none before it is
lost. Single precision holds seven digits and a little, so the steps are ten times as coarse as what
it changes: a model computed in single precision and in double precision tells the same numbers but
for a last digit where an answer lies on the edge between two steps.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from serving.errors import Fault, InvalidRecords
from serving.manifest import Interval, Manifest, Threshold
from serving.schema import Matrix

DIGITS = 6
SCALE = 10.0**DIGITS


class Predictions(NamedTuple):
    """What the model says of each row.

    Attributes
    ----------
    values : list of str or of float
        The labels of a classification, the numbers of a regression.
    probabilities : list of list of float
        In the order of `classes`; empty where the model has none.
    intervals : list of (float, float)
        Lowest and highest; empty where the model has none.
    """

    values: list[str | float]
    probabilities: list[list[float]]
    intervals: list[tuple[float, float]]


Telling = Callable[[Matrix], Predictions]


def telling(manifest: Manifest, recorded: Matrix) -> Telling:
    """How this model's answers, of which some are `recorded`, become predictions.

    Each may raise `InvalidRecords`, for rows that the model has no finite answer to.
    """
    if manifest.task == "regression":
        return _number(manifest.interval, _scale(recorded))
    if recorded.shape[1] < len(manifest.classes):
        return _label(manifest.classes)
    if manifest.threshold:
        return _by_threshold(manifest.threshold, manifest.classes)
    return _most_probable(manifest.classes)


def _by_threshold(threshold: Threshold, classes: tuple[str, ...]) -> Telling:
    label, least = threshold.label, threshold.value
    column = classes.index(label)
    otherwise = classes[1 - column]

    def tell(answers: Matrix) -> Predictions:
        rounded = _rounded(answers, SCALE)
        return Predictions(
            [label if row[column] >= least else otherwise for row in rounded], rounded, []
        )

    return tell


def _most_probable(classes: tuple[str, ...]) -> Telling:
    def tell(answers: Matrix) -> Predictions:
        rounded = _rounded(answers, SCALE)
        return Predictions([classes[row.index(max(row))] for row in rounded], rounded, [])

    return tell


def _label(classes: tuple[str, ...]) -> Telling:
    def tell(answers: Matrix) -> Predictions:
        return Predictions([classes[int(code)] for (code,) in answers.tolist()], [], [])

    return tell


def _number(interval: Interval | None, scale: float) -> Telling:
    ends = _ends(interval, scale) if interval else None

    def tell(answers: Matrix) -> Predictions:
        values = [value for (value,) in _rounded(answers, scale)]
        return Predictions([*values], [], [*map(ends, values)] if ends else [])

    return tell


def _ends(interval: Interval, scale: float) -> Callable[[float], tuple[float, float]]:
    """The interval around a value, rounded as values are."""

    def around(value: float) -> tuple[float, float]:
        size = value if interval.relative else 1
        one, other = value + interval.low * size, value + interval.high * size
        low, high = (one, other) if one <= other else (other, one)  # of a share of less than 0
        return round(low * scale) / scale, round(high * scale) / scale

    return around


def _rounded(answers: Matrix, scale: float) -> list[list[float]]:
    if len(answers) == 1:  # the same arithmetic, without the cost of calling NumPy
        try:
            return [[round(value * scale) / scale for value in answers[0].tolist()]]
        except (OverflowError, ValueError):
            raise _not_finite(answers) from None
    rounded = np.rint(answers * scale) / scale + 0.0  # which makes 0 of -0
    if not np.isfinite(rounded).all():
        raise _not_finite(rounded)
    told: list[list[float]] = rounded.tolist()
    return told


def _not_finite(answers: Matrix) -> InvalidRecords:
    message = "the model has no finite answer to this record; its values are too far out"
    strange = np.flatnonzero(~np.isfinite(answers).all(axis=1)).tolist()
    return InvalidRecords([Fault(record=row, message=message) for row in strange])


def _scale(recorded: Matrix) -> float:
    largest = float(np.abs(recorded).max())
    before_the_point = math.floor(math.log10(largest)) + 1 if largest >= 1 else 0
    return 10.0 ** max(DIGITS - before_the_point, 0)
