"""The two samples that a drift test compares: a field's values in training, and now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.models.trained_rows import rounded
from serving.monitor.counts import Counts, Floats

MIN_EXPECTED = 5.0
BINS = 20  # of a chart


@dataclass(frozen=True)
class Numbers:
    """A number's values in training, known by their quantiles, and its values now.

    Attributes
    ----------
    quantiles : ndarray, shape (quantiles,)
        Evenly spaced, from the lowest value in training to the highest.
    values : Counts
        Those of the window that are not missing, with the quantiles and the edges of bins as edges.
    trained, trained_missing, missing : int
        How many values training had, how many were missing in it, and how many are missing now.
    """

    quantiles: Floats
    values: Counts
    trained: int
    trained_missing: int = 0
    missing: int = 0

    @classmethod
    def of(
        cls, quantiles: Sequence[float], values: ArrayLike, *, rows: int, missing: float = 0.0
    ) -> "Numbers":
        """Build from an artefact's reference, and the values of a window; NaN is missing.

        Parameters
        ----------
        rows : int
            Rows of training.
        missing : float
            The share of them that had no value.
        """
        counting = Counting(quantiles, rows, missing)
        counting.add(np.asarray(values, dtype=np.float64))
        return counting.sample()

    @cached_property
    def present(self) -> int:
        """How many values the window has."""
        return int(self._ends[-1])

    @property
    def range(self) -> tuple[float, float]:
        """The lowest value and the highest; there must be one."""
        return float(self.values.values[0]), float(self.values.values[-1])

    def below(self, edges: Floats) -> NDArray[np.int64]:
        """How many values are below each edge."""
        return self._ends[np.searchsorted(self.values.values, edges, side="left")]

    def up_to(self, edges: Floats) -> NDArray[np.int64]:
        """How many values are at or below each edge."""
        return self._ends[np.searchsorted(self.values.values, edges, side="right")]

    def at(self, places: NDArray[np.intp]) -> Floats:
        """The values at some places, were all of them sorted."""
        return self.values.values[np.searchsorted(self._ends[1:], places, side="right")]

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.values.counts)])


class Counting:
    """Counts the values of a number as they come."""

    def __init__(self, quantiles: Sequence[float], rows: int, missing: float = 0.0) -> None:
        self._quantiles = rounded(np.asarray(quantiles, dtype=np.float64))
        self._rows, self._absent, self._missing = rows, round(rows * missing), 0
        edges, centre = np.empty(0), 0.0
        if len(self._quantiles):
            edges = np.union1d(self._quantiles, even_edges(self._quantiles))
            centre = float(self._quantiles[len(self._quantiles) // 2])
        self._values = Counts(edges, centre, rounded)

    def add(self, values: Floats) -> None:
        """Count more values; NaN is missing."""
        there = ~np.isnan(values)
        present = values[there]
        self._missing += len(values) - len(present)
        self._values.add(present)

    def sample(self) -> Numbers:
        """The values so far, and those in training."""
        trained = self._rows - self._absent
        return Numbers(self._quantiles, self._values, trained, self._absent, self._missing)


@dataclass(frozen=True)
class Labels:
    """How often each label of a category occurred in training, and now."""

    reference: Mapping[str, int]
    current: Mapping[str, int]
    trained_missing: int = 0
    missing: int = 0

    @property
    def trained(self) -> int:
        """How many labels training had."""
        return sum(self.reference.values())

    @property
    def present(self) -> int:
        """How many labels the window has."""
        return sum(self.current.values())

    def table(self) -> Floats:
        """Counts in training and now, shape (2, labels), rare labels taken together.

        For the chi-square approximation, the expected count of each column in the smaller sample is
        5 or more: Cochran (1954), Some Methods for Strengthening the Common χ² Tests,
        Biometrics 10, 417-451.

        >>> Labels({"white": 70, "red": 28, "rosé": 2}, {"white": 60, "red": 40}).table()
        array([[70., 30.],
               [60., 40.]])
        """
        labels = {**self.reference, **self.current}
        pairs = [(self.reference.get(each, 0), self.current.get(each, 0)) for each in labels]
        smaller_part = min(self.trained, self.present) / (self.trained + self.present)
        columns: list[tuple[int, int]] = []
        rare = (0, 0)
        for pair in sorted(pairs, key=sum, reverse=True):
            if sum(pair) * smaller_part >= MIN_EXPECTED:
                columns.append(pair)
            else:
                rare = (rare[0] + pair[0], rare[1] + pair[1])
        if columns and sum(rare) * smaller_part < MIN_EXPECTED:
            last = columns.pop()
            rare = (rare[0] + last[0], rare[1] + last[1])
        return np.array([*columns, rare], dtype=np.float64).T


def even_edges(quantiles: Floats) -> Floats:
    """The edges between the bins of a chart, evenly over the inner 98 % of training."""
    steps = len(quantiles) - 1
    low, high = quantiles[[steps // 100, steps - steps // 100]]
    return np.linspace(low, high, BINS - 1)
