"""What a model answered, row by row, as its performance is measured of."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Classified:
    """What a classifier answered.

    Attributes
    ----------
    predicted : ndarray of int, shape (rows,)
        The predicted class.
    classes : int
        How many there are.
    probabilities : ndarray, shape (rows, classes), or None
        None of a classifier that has none.
    positive : int or None
        Of two classes, the one that is looked for.
    """

    predicted: NDArray[np.intp]
    classes: int
    probabilities: Floats | None = None
    positive: int | None = None

    def __len__(self) -> int:
        return len(self.predicted)

    def thinned(self, step: int) -> "Classified":
        """Every so many rows."""
        chances = None if self.probabilities is None else self.probabilities[::step]
        return replace(self, predicted=self.predicted[::step], probabilities=chances)

    @property
    def sought(self) -> tuple[int, ...]:
        """The positive class; all, where none is looked for more than the others."""
        return tuple(range(self.classes)) if self.positive is None else (self.positive,)

    @cached_property
    def rankings(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Of each class sought, rows from its highest probability down, and each last of equals."""
        assert self.probabilities is not None
        found = []
        for each in self.sought:
            scores = self.probabilities[:, each]
            order = np.argsort(-scores, kind="stable")
            found.append((order, np.flatnonzero(np.diff(scores[order], append=np.nan) != 0)))
        return found


@dataclass(frozen=True)
class Regressed:
    """What a regression answered and what was true, shape (rows,) each."""

    predicted: Floats
    actual: Floats

    def __len__(self) -> int:
        return len(self.predicted)

    def thinned(self, step: int) -> "Regressed":
        """Every so many rows."""
        return Regressed(self.predicted[::step], self.actual[::step])


def truth(actual: NDArray[np.intp], classes: int) -> Floats:
    """Weights of a classification whose truth is known, shape (rows, classes)."""
    return np.asarray(np.eye(classes)[actual])
