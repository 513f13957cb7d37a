"""Predictions of many rows, in the form that metrics are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.models.manifest import Manifest
from serving.models.reference import Reference

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Classified:
    """Predictions of a classifier.

    Attributes
    ----------
    predicted : ndarray of int, shape (rows,)
        The predicted class.
    classes : int
        How many there are.
    probabilities : ndarray, shape (rows, classes), or None
        None for a classifier that has none.
    positive : int or None
        The positive one of two classes.
    """

    predicted: NDArray[np.intp]
    classes: int
    probabilities: Floats | None = None
    positive: int | None = None

    def __len__(self) -> int:
        return len(self.predicted)

    @property
    def columns(self) -> list[NDArray[Any]]:
        """The predicted classes, and the probabilities if there are any."""
        return [self.predicted, *([] if self.probabilities is None else [self.probabilities])]

    def of_columns(self, columns: Sequence[NDArray[Any]]) -> "Classified":
        """Predictions of other rows by the same classifier."""
        predicted, *probabilities = columns
        return replace(self, predicted=predicted, probabilities=next(iter(probabilities), None))

    @property
    def scored(self) -> tuple[int, ...]:
        """The classes that F1 and areas are computed for: the positive one, or all."""
        return tuple(range(self.classes)) if self.positive is None else (self.positive,)

    @cached_property
    def rankings(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """For each class scored: rows by falling probability, and the last of each tie."""
        assert self.probabilities is not None
        found = []
        for each in self.scored:
            scores = self.probabilities[:, each]
            order = np.argsort(-scores, kind="stable")
            found.append((order, np.flatnonzero(np.diff(scores[order], append=np.nan) != 0)))
        return found


@dataclass(frozen=True)
class Regressed:
    """Predictions of a regression and the true numbers, shape (rows,) each."""

    predicted: Floats
    actual: Floats

    def __len__(self) -> int:
        return len(self.predicted)

    @property
    def columns(self) -> list[NDArray[Any]]:
        """The predictions and the true numbers."""
        return [self.predicted, self.actual]

    def of_columns(self, columns: Sequence[NDArray[Any]]) -> "Regressed":
        """Predictions of other rows."""
        return Regressed(*columns)


def one_hot(actual: NDArray[np.intp], classes: int) -> Floats:
    """The weights of a classification whose true classes are known, shape (rows, classes)."""
    return np.asarray(np.eye(classes)[actual])


def positive_label(manifest: Manifest, reference: Reference) -> str | None:
    """The positive one of two classes, if the artefact records which it is."""
    if manifest.threshold:
        return manifest.threshold.label
    named = [*reference.probabilities]
    return named[0] if len(manifest.classes) == 2 and len(named) == 1 else None  # noqa: PLR2004
