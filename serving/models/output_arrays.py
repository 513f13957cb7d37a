"""From a model's outputs to columns of predictions, for many rows: the same as `outputs` makes.

Arrays instead of lists: a list takes as long to make as a row of a small forest takes to predict.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix
from serving.models.manifest import Interval, Manifest
from serving.models.outputs import LARGEST, Predictions, require_finite


class OutputArrays(NamedTuple):
    """The prediction of each row.

    Attributes
    ----------
    values : ndarray of int or float, shape (rows,)
        The positions of the labels in `classes`, or the numbers of a regression.
    between : ndarray, shape (rows, columns)
        The probabilities in the order of `classes`, or the lowest and the highest of an interval;
        no columns if the model has neither.
    """

    values: NDArray[np.float64] | NDArray[np.intp]
    between: NDArray[np.float64]

    @classmethod
    def of(cls, predictions: Predictions, manifest: Manifest) -> "OutputArrays":
        """Make arrays of predictions that are lists, of one row or more."""
        values, probabilities, intervals = predictions
        codes = {label: code for code, label in enumerate(manifest.classes)}
        between = np.array(probabilities or intervals, np.float64).reshape(len(values), -1)
        if codes:
            return cls(np.array([codes[str(each)] for each in values], np.intp), between)
        return cls(np.array(values, np.float64), between)


def to_arrays(outputs: Matrix, manifest: Manifest) -> OutputArrays:
    """Turn the raw outputs of rows into predictions.

    Raises
    ------
    InvalidRecords
        For rows whose output is not finite.
    """
    classes, threshold = manifest.classes, manifest.threshold
    nothing = np.empty((len(outputs), 0))
    if manifest.outputs == "labels" and classes:
        return OutputArrays(outputs[:, 0].astype(np.intp), nothing)
    require_finite(outputs)
    outputs = outputs + 0.0  # turns -0 into 0
    if not classes:
        values = outputs[:, 0]
        interval = manifest.interval
        return OutputArrays(values, _ends(values, interval) if interval else nothing)
    if manifest.outputs == "both":
        return OutputArrays(outputs[:, -1].astype(np.intp), outputs[:, :-1])
    if threshold:
        column = classes.index(threshold.label)
        reached = outputs[:, column] >= threshold.value
        return OutputArrays(np.where(reached, column, 1 - column), outputs)
    return OutputArrays(outputs.argmax(axis=1), outputs)


def _ends(values: NDArray[np.float64], interval: Interval) -> NDArray[np.float64]:
    size = values if interval.relative else 1
    with np.errstate(over="ignore"):  # which is clipped
        one, other = values + interval.low * size, values + interval.high * size
    ends = np.column_stack([np.minimum(one, other), np.maximum(one, other)])
    return np.asarray(np.clip(ends, -LARGEST, LARGEST))
