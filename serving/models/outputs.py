"""From a model's bare answers, one row of numbers each, to predictions as people take them.

Numbers are told in full: the float64 that the engine computed, of which JSON and CSV write the
shortest decimal that reads back the same. A label is decided from these very numbers, or is the
estimator's own where its `predict` follows another rule.
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


def margins(manifest: Manifest, answers: Matrix) -> NDArray[np.float64]:
    """How far each row's answer is from one that would get another label; infinite for labels."""
    if manifest.outputs != "probabilities":
        return np.full(len(answers), np.inf)
    if manifest.threshold:
        column = manifest.classes.index(manifest.threshold.label)
        return np.abs(answers[:, column] - manifest.threshold.value)
    second, first = np.sort(answers, axis=1)[:, -2:].T
    return np.asarray(first - second)


def _by_threshold(threshold: Threshold, classes: tuple[str, ...]) -> Decoder:
    label, lowest = threshold.label, threshold.value
    column = classes.index(label)
    otherwise = classes[1 - column]

    def decode(answers: Matrix) -> Predictions:
        rows = _finite(answers)
        return Predictions(
            [label if row[column] >= lowest else otherwise for row in rows], rows, []
        )

    return decode


def _most_probable(classes: tuple[str, ...]) -> Decoder:
    def decode(answers: Matrix) -> Predictions:
        rows = _finite(answers)
        return Predictions([classes[row.index(max(row))] for row in rows], rows, [])

    return decode


def _label(classes: tuple[str, ...]) -> Decoder:
    def decode(answers: Matrix) -> Predictions:
        return Predictions([classes[int(code)] for (code,) in answers.tolist()], [], [])

    return decode


def _label_beside(classes: tuple[str, ...]) -> Decoder:
    def decode(answers: Matrix) -> Predictions:
        rows = _finite(answers)
        return Predictions([classes[int(row.pop())] for row in rows], rows, [])

    return decode


def _number(interval: Interval | None) -> Decoder:
    ends = _ends(interval) if interval else None

    def decode(answers: Matrix) -> Predictions:
        values = [value for (value,) in _finite(answers)]
        return Predictions([*values], [], [*map(ends, values)] if ends else [])

    return decode


def _ends(interval: Interval) -> Callable[[float], tuple[float, float]]:
    """The interval around a value; its ends are finite too, for JSON knows no infinity."""

    def around(value: float) -> tuple[float, float]:
        size = value if interval.relative else 1
        one, other = value + interval.low * size, value + interval.high * size
        low, high = (one, other) if one <= other else (other, one)  # of a share of less than 0
        return max(low, -LARGEST), min(high, LARGEST)

    return around


def _finite(answers: Matrix) -> list[list[float]]:
    if len(answers) == 1:  # the same, without the cost of calling NumPy
        row = [value + 0.0 for value in answers[0].tolist()]
        if all(map(math.isfinite, row)):
            return [row]
    if not np.isfinite(answers).all():
        strange = np.flatnonzero(~np.isfinite(answers).all(axis=1)).tolist()
        raise InvalidRecords([Fault(record=row, message=NOT_FINITE) for row in strange])
    told: list[list[float]] = (answers + 0.0).tolist()  # which makes 0 of -0
    return told
