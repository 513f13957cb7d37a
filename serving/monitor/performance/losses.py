"""The loss of each row, which concept.py watches, and the bound on its mean."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.models.manifest import Figure
from serving.monitor.performance.concept import Bound
from serving.monitor.performance.metrics import squared
from serving.monitor.performance.predictions import Classified, Floats, Regressed

# Larger errors, and smaller probabilities, count as these, so that one row proves little.
MAX_ERROR = 5.0  # in mean absolute errors
MIN_PROBABILITY = 0.01


class Losses(NamedTuple):
    """A loss by its name, for each row, and how high its mean may be."""

    name: str
    of_rows: Floats
    bound: Bound


def measure_losses(
    predictions: Classified | Regressed, actual: NDArray[Any], held_out: Mapping[str, Figure]
) -> Losses | None:
    """Compute the finest loss of these predictions that training measured, if it measured any.

    For probabilities it is the Brier score or the log loss, which notice a model that is confident
    and wrong; for labels alone the share of wrong ones; for numbers the absolute error. A loss that
    is cut off at a limit cannot exceed the one that training measured, so its bound still holds.

    Parameters
    ----------
    actual : ndarray, shape (rows,)
        The true classes, by number, or the true numbers.

    >>> sure = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> predicted = Classified(sure.argmax(axis=1), 2, sure)
    >>> held_out = {"brier": Figure(0.1, 0.01, 0.2)}
    >>> measure_losses(predicted, np.array([0, 0]), held_out).of_rows.round(2)
    array([0.01, 0.64])
    """
    rows = np.arange(len(predictions))
    if isinstance(predictions, Regressed):
        if mae := held_out.get("mae"):
            errors = np.abs(predictions.predicted - actual)
            return Losses(
                "absolute error", errors, Bound(mae.mean, mae.spread, MAX_ERROR * mae.mean)
            )
        return None
    if predictions.probabilities is not None and (brier := held_out.get("brier")):
        bound = Bound(brier.mean, brier.spread, float(min(predictions.classes - 1, 2)))
        return Losses("Brier score", squared(predictions)[rows, actual], bound)
    if predictions.probabilities is not None and (log_loss := held_out.get("log_loss")):
        likely = np.maximum(predictions.probabilities[rows, actual], MIN_PROBABILITY)
        bound = Bound(log_loss.mean, log_loss.spread, -math.log(MIN_PROBABILITY))
        return Losses("log loss", -np.log(likely), bound)
    if accuracy := held_out.get("accuracy"):
        wrong = (predictions.predicted != actual).astype(np.float64)
        return Losses("share of wrong labels", wrong, Bound(1 - accuracy.mean, accuracy.spread))
    return None
