"""From a model's outputs, a row of numbers each, to labels, probabilities and intervals.

Numbers are not rounded: JSON and CSV write the shortest decimal that reads back as the same
float64. A label is decided from these same numbers, or is the estimator's own if its `predict`
follows another rule.
"""

import math
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.errors import Fault, InvalidRecords
from serving.inputs.schema import Matrix
from serving.models.manifest import Interval, Manifest, Threshold
from serving.models.refusals import NOT_FINITE

LARGEST = sys.float_info.max


class Predictions(NamedTuple):
    """The prediction of each row.

    Attributes
    ----------
    values : list of str or of float
        The labels of a classification, the numbers of a regression.
    probabilities : list of list of float
        In the order of `classes`; empty if the model has none.
    intervals : list of (float, float)
        Lowest and highest; empty if the model has none.
    """

    values: list[str | float]
    probabilities: list[list[float]]
    intervals: list[tuple[float, float]]


Decoder = Callable[[Matrix], Predictions]


def make_decoder(manifest: Manifest) -> Decoder:
    """Make the function that turns the model's raw outputs into predictions.

    It raises `InvalidRecords` for rows whose output is not finite.
    """
    if manifest.task == "regression":
        return _number(manifest.interval)
    if manifest.outputs == "labels":
        return _label(manifest.classes)
    if manifest.outputs == "both":
        return _label_beside(manifest.classes)
    if manifest.threshold:
        return _by_threshold(manifest.threshold, manifest.classes)
    return _most_probable(manifest.classes)


def margins(manifest: Manifest, outputs: Matrix) -> NDArray[np.float64]:
    """How far each row's outputs are from another label; infinite if they are labels."""
    if manifest.outputs != "probabilities":
        return np.full(len(outputs), np.inf)
    if manifest.threshold:
        column = manifest.classes.index(manifest.threshold.label)
        return np.abs(outputs[:, column] - manifest.threshold.value)
    second, first = np.sort(outputs, axis=1)[:, -2:].T
    return np.asarray(first - second)


def _by_threshold(threshold: Threshold, classes: tuple[str, ...]) -> Decoder:
    label, lowest = threshold.label, threshold.value
    column = classes.index(label)
    otherwise = classes[1 - column]

    def decode(outputs: Matrix) -> Predictions:
        rows = _finite(outputs)
        if len(rows) == 1:
            return Predictions([label if rows[0][column] >= lowest else otherwise], rows, [])
        reached = (outputs[:, column] >= lowest).tolist()
        return Predictions([label if each else otherwise for each in reached], rows, [])

    return decode


def _most_probable(classes: tuple[str, ...]) -> Decoder:
    def decode(outputs: Matrix) -> Predictions:
        rows = _finite(outputs)
        return Predictions([classes[row.index(max(row))] for row in rows], rows, [])

    return decode


def _label(classes: tuple[str, ...]) -> Decoder:
    def decode(outputs: Matrix) -> Predictions:
        return Predictions([classes[int(code)] for (code,) in outputs.tolist()], [], [])

    return decode


def _label_beside(classes: tuple[str, ...]) -> Decoder:
    def decode(outputs: Matrix) -> Predictions:
        rows = _finite(outputs)
        return Predictions([classes[int(row.pop())] for row in rows], rows, [])

    return decode


def _number(interval: Interval | None) -> Decoder:
    ends = _ends(interval) if interval else None

    def decode(outputs: Matrix) -> Predictions:
        values = [value for (value,) in _finite(outputs)]
        return Predictions([*values], [], [*map(ends, values)] if ends else [])

    return decode


def _ends(interval: Interval) -> Callable[[float], tuple[float, float]]:
    """Make the function that computes the interval of a value, finite because JSON requires it."""

    def around(value: float) -> tuple[float, float]:
        size = value if interval.relative else 1
        one, other = value + interval.low * size, value + interval.high * size
        low, high = (one, other) if one <= other else (other, one)  # relative to a negative value
        return max(min(low, LARGEST), -LARGEST), min(max(high, -LARGEST), LARGEST)

    return around


def _finite(outputs: Matrix) -> list[list[float]]:
    if len(outputs) == 1:  # the same as below, without the cost of NumPy
        row = [value + 0.0 for value in outputs[0].tolist()]
        if all(map(math.isfinite, row)):
            return [row]
    require_finite(outputs)
    finite: list[list[float]] = (outputs + 0.0).tolist()  # turns -0 into 0
    return finite


def require_finite(outputs: Matrix) -> None:
    """Raise InvalidRecords for the rows whose output is not finite."""
    if not np.isfinite(outputs).all():
        infinite = np.flatnonzero(~np.isfinite(outputs).all(axis=1)).tolist()
        raise InvalidRecords([Fault(record=row, message=NOT_FINITE) for row in infinite])
