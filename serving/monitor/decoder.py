"""Decodes what a version predicted, and what was really true, from the store's JSON."""

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.inputs.columns import make_arrays_reader
from serving.models.manifest import Manifest
from serving.models.reference import Reference
from serving.monitor.performance.predictions import (
    Classified,
    Floats,
    Regressed,
    positive_label,
)

UNKNOWN = -1  # the code of a label that is missing or not known

decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode


def decline(_text: str, _rows: int) -> None:
    """Leave what the C code would read to msgspec."""


_read_numbers = make_arrays_reader([None]) or decline


def numbers(text: str, rows: int) -> Floats:
    """Read a JSON array of so many numbers; null is NaN."""
    found = _read_numbers(text, rows)
    return np.array(decode(text), dtype=np.float64) if found is None else found[:, 0]


class Decoder:
    """Turns the labels or numbers that a version predicted, and the true ones, into arrays.

    Attributes
    ----------
    classes : tuple of str
        Empty for a regression.
    has_probabilities : bool
        Whether the version predicts probabilities.
    """

    def __init__(self, manifest: Manifest, reference: Reference) -> None:
        self.classes, self.has_probabilities = manifest.classes, bool(reference.probabilities)
        positive = positive_label(manifest, reference)
        self._positive = None if positive is None else self.classes.index(positive)
        self._codes = _Codes({label: code for code, label in enumerate(self.classes)})
        self._read_codes = make_arrays_reader([self._codes]) or decline
        columns = [None] * len(self.classes)
        self._read_probabilities = make_arrays_reader(columns, range(len(columns))) or decline

    def outcomes(self, text: str, rows: int) -> NDArray[Any]:
        """Codes of labels, or numbers, of a JSON array of so many; null is not known."""
        if not self.classes:
            return numbers(text, rows)
        found = self._read_codes(text, rows)
        if found is None:  # a label that is not a class, perhaps
            return np.fromiter(map(self._codes.__getitem__, decode(text)), np.intp, rows)
        return self.as_codes(found[:, 0])

    def as_codes(self, values: Floats) -> NDArray[np.intp]:
        """Codes of labels that were read as numbers; NaN is not known."""
        return np.nan_to_num(values, nan=UNKNOWN).astype(np.intp)

    def unknown(self, rows: int) -> NDArray[Any]:
        """The outcomes of rows whose outcome is not known."""
        return np.full(rows, UNKNOWN, np.intp) if self.classes else np.full(rows, np.nan)

    def known(self, outcomes: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of some outcomes are known."""
        return np.asarray(outcomes != UNKNOWN if self.classes else ~np.isnan(outcomes))

    def probabilities(self, text: str, rows: int) -> Floats | None:
        """Shape (rows, classes), of a JSON array; None for a version that has none.

        Null, for a prediction that is not there, is a row of NaN.
        """
        if not self.has_probabilities:
            return None
        found = self._read_probabilities(text, rows)
        if found is None:
            unknown = [math.nan] * len(self.classes)
            found = np.array([row or unknown for row in decode(text)], dtype=np.float64)
        return found.reshape(rows, len(self.classes))

    def with_outcome(
        self, predicted: NDArray[Any], probabilities: Floats | None, actual: NDArray[Any]
    ) -> tuple[Classified | Regressed, NDArray[Any]]:
        """Choose the predictions whose outcome is known, and return their outcomes, too."""
        known = self.known(actual)
        chances = None if probabilities is None else probabilities[known]
        return self.predictions(predicted[known], chances, actual[known]), actual[known]

    def predictions(
        self, predicted: NDArray[Any], probabilities: Floats | None, actual: NDArray[Any]
    ) -> Classified | Regressed:
        """Predictions in the form that metrics are computed from."""
        if not self.classes:
            return Regressed(predicted, actual)
        return Classified(predicted, len(self.classes), probabilities, self._positive)


class _Codes(dict[Any, int]):
    def __missing__(self, _: Any) -> int:
        return UNKNOWN
