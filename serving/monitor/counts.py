"""What is kept of values that come in parts: how often each occurred, and an even sample of rows.

Both need as much memory for ten million rows as for a hundred thousand.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_VALUES = 32_768  # different ones that are counted each on its own
FIRST_DROPPED = 28  # of the 52 bits of a number's fraction: what six digits are not changed by
SIGN = 63  # the first bit of a number, which is not dropped

Floats = NDArray[np.float64]


class Counts:
    """How often each number occurred: exactly, up to 32,768 different ones.

    Of more, neighbours are counted as one: those whose distances from the centre agree in all but
    the last bits, as few bits as that needs. No two on different sides of an edge are, so that the
    counts below, at and above an edge are exact always; and the number that stands for others is
    the one of them that is farthest from the centre, so the highest is exact if it is above it, and
    the lowest if it is below. It differs from each of the others by at most `error` times its
    distance from the centre.

    These are the buckets of DDSketch with its fast mapping, and counts of parts of the rows may be
    added up, in any order: Masson, Rim and Lee (2019), DDSketch: A Fast and Fully-Mergeable
    Quantile Sketch with Relative-Error Guarantees, PVLDB 12, 2195-2205.

    Parameters
    ----------
    edges : array_like
        Sorted.
    normalise : callable, optional
        Applied to different values before they are counted; monotonic.

    >>> counts = Counts()
    >>> counts.add(np.array([3.0, 1.0, 3.0]))
    >>> counts.values, counts.counts, counts.error
    (array([1., 3.]), array([1, 2]), 0.0)
    """

    def __init__(
        self,
        edges: ArrayLike = (),
        centre: float = 0.0,
        normalise: Callable[[Floats], Floats] | None = None,
    ) -> None:
        self._edges, self._centre = np.asarray(edges, dtype=np.float64), centre
        self._normalise = normalise
        self._dropped = 0
        self._values, self._counts = np.empty(0), np.empty(0, np.int64)
        self._new: list[tuple[Floats, NDArray[Any] | None]] = []
        self._waiting = 0

    def add(self, values: Floats, counts: NDArray[Any] | None = None) -> None:
        """Count more values, none of which is NaN.

        Parameters
        ----------
        counts : ndarray, shape (values,) or (values, kinds), optional
            How often each occurred; once if not given.
        """
        self._new.append((values, counts))
        self._waiting += len(values)
        if self._waiting >= MAX_VALUES:
            self._count()

    @property
    def values(self) -> Floats:
        """The different values, sorted."""
        self._count()
        return self._values

    @property
    def counts(self) -> NDArray[Any]:
        """How often each of them occurred; shape (values,), or (values, kinds)."""
        self._count()
        return self._counts

    @property
    def error(self) -> float:
        """How far a value may be off, as a part of its distance from the centre."""
        self._count()
        return min(2.0 ** (self._dropped - 52), 1.0) if self._dropped else 0.0

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Quantiles of the values, as NumPy's; there must be one."""
        ends = np.cumsum(self.counts)
        places = np.asarray(levels) * (ends[-1] - 1)
        low, high = (
            self._values[np.searchsorted(ends, each, side="right")]
            for each in (np.floor(places), np.ceil(places))
        )
        return np.asarray(low + (high - low) * (places % 1))

    def _count(self) -> None:
        if not self._waiting:
            return
        new, counted = zip(*self._new, strict=True)
        self._new, self._waiting = [], 0
        values = np.concatenate(new)
        if counted[0] is None:
            values, counts = np.unique(values, return_counts=True)  # much faster
        else:
            values, counts = _summed(*_sorted(values, np.concatenate(counted)), _differ)
        if self._normalise:
            values = self._normalise(values)
        if len(self._values):
            values = np.concatenate([self._values, values])
            counts = np.concatenate([self._counts, counts])
        values, counts = _sorted(values, counts)
        while self._dropped < SIGN and np.count_nonzero(self._differ(values)) >= MAX_VALUES:
            self._dropped = max(self._dropped + 1, FIRST_DROPPED)
        self._values, self._counts = _summed(values, counts, self._differ, self._centre)

    def _differ(self, values: Floats) -> NDArray[np.bool_]:
        """Which of sorted values are not counted with the one before."""
        if not self._dropped:
            return _differ(values)
        leading = (values - self._centre).view(np.int64) >> self._dropped
        place = np.searchsorted(self._edges, values, side="left")
        place += np.searchsorted(self._edges, values, side="right")
        return _differ(leading) | _differ(place)


class EvenRows:
    """An even sample of rows: all, or one in every 2, 4, 8 … of them, at most so many."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows, self._step, self._rows, self._kept = max_rows, 1, 0, 0
        self._parts: list[Sequence[NDArray[Any]]] = []

    def add(self, columns: Sequence[NDArray[Any]]) -> None:
        """Choose among more rows, given by their columns."""
        first = -self._rows % self._step
        self._rows += len(columns[0])
        self._parts.append([each[first :: self._step].copy() for each in columns])
        self._kept += len(self._parts[-1][0])
        while self._kept > self._max_rows:
            self._parts = [[each[::2] for each in self.columns()]]
            self._kept = len(self._parts[0][0])
            self._step *= 2

    def columns(self) -> list[NDArray[Any]]:
        """The columns of the chosen rows; none if there were no rows at all."""
        return [np.concatenate(each) for each in zip(*self._parts, strict=True)]


def _sorted(values: Floats, counts: NDArray[Any]) -> tuple[Floats, NDArray[Any]]:
    order = np.argsort(values, kind="stable")
    return values[order], counts[order]


def _differ(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of sorted values are not equal to the one before."""
    return np.asarray(values[1:] != values[:-1])


def _summed(
    values: Floats,
    counts: NDArray[Any],
    differ: Callable[[Floats], NDArray[np.bool_]],
    centre: float = 0.0,
) -> tuple[Floats, NDArray[Any]]:
    """Add up the counts of sorted values that do not differ."""
    if not len(values):
        return values, counts
    starts = np.flatnonzero(np.concatenate([[True], differ(values)]))
    ends = np.append(starts[1:], len(values)) - 1
    farthest = np.where(values[ends] > centre, values[ends], values[starts])
    return farthest, np.add.reduceat(counts, starts)
