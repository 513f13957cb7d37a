"""How wrong each answer was: what concept.py watches, and what it holds it against."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.monitor.performance.answers import Classified, Floats, Regressed
from serving.monitor.performance.concept import Bound
from serving.monitor.performance.metrics import squared
from serving.monitor.performance.performance import HeldOut

LARGEST_ERROR = (
    5.0  # in mean absolute errors; a larger one counts as this, so one row proves little
)

LEAST_LIKELY = 0.01  # a smaller probability counts as this, for the same reason


class Losses(NamedTuple):
    """A loss by its name, of each row, and how high its mean may be."""

    name: str
    of_rows: Floats
    bound: Bound


def measure(
    answers: Classified | Regressed, actual: NDArray[Any], held_out: Mapping[str, HeldOut]
) -> Losses | None:
    """The finest loss that these answers have and that training measured; None if there is none.

    Of probabilities the Brier score or the log loss, for they see a model that is sure of what is
    wrong; of bare labels the share of wrong ones; of numbers the absolute error. A loss that is cut
    off at a limit cannot exceed the one that training measured, so its bound holds all the more.

    Parameters
    ----------
    actual : ndarray, shape (rows,)
        The true classes, by number, or the true numbers.

    >>> sure = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> answers = Classified(sure.argmax(axis=1), 2, sure)
    >>> measure(answers, np.array([0, 0]), {"brier": HeldOut(0.1, 0.01)}).of_rows.round(2)
    array([0.01, 0.64])
    """
    if isinstance(answers, Regressed):
        if "mae" not in held_out:
            return None
        mean, spread = held_out["mae"]
        bound = Bound(mean, spread, most=LARGEST_ERROR * mean)
        return Losses("absolute error", np.abs(answers.predicted - actual), bound)
    if answers.probabilities is not None and "brier" in held_out:
        mean, spread = held_out["brier"]
        bound = Bound(mean, spread, most=float(min(answers.classes - 1, 2)))
        return Losses("Brier score", squared(answers)[np.arange(len(answers)), actual], bound)
    if answers.probabilities is not None and "log_loss" in held_out:
        mean, spread = held_out["log_loss"]
        likely = answers.probabilities[np.arange(len(answers)), actual]
        surprise = -np.log(np.maximum(likely, LEAST_LIKELY))
        return Losses("log loss", surprise, Bound(mean, spread, most=-math.log(LEAST_LIKELY)))
    if "accuracy" in held_out:
        mean, spread = held_out["accuracy"]
        wrong = (answers.predicted != actual).astype(np.float64)
        return Losses("share of wrong labels", wrong, Bound(1 - mean, spread))
    return None
