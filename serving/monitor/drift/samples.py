"""The two samples that a drift test compares: a field's values in training, and now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS = 6  # significant, of a quantile in reference.json
SMALLEST = -300  # power of ten below which a number's digits are not scaled up
MIN_EXPECTED = 5.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Numbers:
    """A number's values in training, known by their quantiles, and its values now.

    Attributes
    ----------
    quantiles : ndarray, shape (quantiles,)
        Evenly spaced, from the lowest value in training to the highest.
    values : ndarray, shape (values,)
        Those of the window that are not missing, sorted.
    trained, trained_missing, missing : int
        How many values training had, how many were missing in it, and how many are missing now.
    """

    quantiles: Floats
    values: Floats
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
        given = np.asarray(values, dtype=np.float64)
        different, counts = np.unique(given[~np.isnan(given)], return_counts=True)
        present = np.repeat(_rounded(different), counts)
        absent = round(rows * missing)
        known = _rounded(np.asarray(quantiles, dtype=np.float64))
        return cls(known, present, rows - absent, absent, len(given) - len(present))

    @property
    def present(self) -> int:
        """How many values the window has."""
        return len(self.values)


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


def _rounded(values: Floats) -> Floats:
    """Round numbers as a reference does, so that equal ones stay equal."""
    size = np.floor(np.log10(np.abs(values), out=np.zeros_like(values), where=values != 0))
    scale = 10.0 ** (DIGITS - 1 - np.maximum(size, SMALLEST))
    return np.asarray(np.rint(values * scale) / scale)
