"""Predictions of a version as columns, from the rows of the store."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.inputs import dates
from serving.inputs.field import Field
from serving.models.manifest import Manifest
from serving.models.reference import Reference
from serving.monitor.performance.predictions import (
    Classified,
    Floats,
    Regressed,
    positive_label,
)
from serving.recording.store.windows import Part

UNKNOWN = -1  # the code of a label that is missing or not known

decode = msgspec.json.Decoder().decode


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

    def outcomes(self, values: Collection[Any]) -> NDArray[Any]:
        """Codes of labels, or numbers."""
        if self.classes:
            return np.fromiter(map(self._codes.__getitem__, values), np.intp, len(values))
        return np.fromiter(values, np.float64, len(values))

    def unknown(self, rows: int) -> NDArray[Any]:
        """The outcomes of rows whose outcome is not known."""
        return np.full(rows, UNKNOWN, np.intp) if self.classes else np.full(rows, np.nan)

    def known(self, outcomes: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of some outcomes are known."""
        return np.asarray(outcomes != UNKNOWN if self.classes else ~np.isnan(outcomes))

    def probabilities(self, rows: Collection[Sequence[float]]) -> Floats | None:
        """Shape (rows, classes); None for a version that has none."""
        if not self.has_probabilities:
            return None
        shape = len(rows), len(self.classes)
        values = chain.from_iterable(rows)
        return np.fromiter(values, np.float64, shape[0] * shape[1]).reshape(shape)

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


class Rows(NamedTuple):
    """Some predictions of a window, by columns.

    Attributes
    ----------
    fields : dict of str to ndarray
        By name: numbers, or the codes of categories; NaN is missing. Without the fields whose
        values are not there as they were sent.
    times, durations : ndarray of float
        Milliseconds since 1970, UTC; microseconds.
    predicted, actual : ndarray
        Codes of labels, or numbers.
    probabilities : ndarray, shape (rows, classes), or None
    feedback_times : ndarray of float
        Milliseconds since 1970, UTC; NaN without feedback.
    warned : int
        How many of them came with a warning.
    """

    fields: dict[str, Floats]
    times: Floats
    durations: Floats
    predicted: NDArray[Any]
    probabilities: Floats | None
    actual: NDArray[Any]
    feedback_times: Floats
    warned: int

    def __len__(self) -> int:
        return len(self.times)


class Reader:
    """Decodes the parts of a window.

    Attributes
    ----------
    unrecorded : dict of str to str
        By field: the code of the reason why not all of its values are there.
    """

    def __init__(self, fields: Iterable[Field], decoder: Decoder) -> None:
        self.unrecorded: dict[str, str] = {}
        self._decoder = decoder
        self._columns = {field.name: _Column(field) for field in fields}

    def read(self, part: Part) -> Rows:
        """Decode a part."""
        times = decode(part.times)
        columns = zip(*decode(part.records), strict=True)
        recorded = dict(zip(decode(part.fields), columns, strict=True))
        fields = {}
        for name, column in self._columns.items():
            if name in self.unrecorded:
                continue
            values = column.decode(recorded.get(name))
            if isinstance(values, str):
                self.unrecorded[name] = values
            else:
                fields[name] = values
        actual, fed_back = self._decoder.unknown(len(times)), np.full(len(times), np.nan)
        if part.feedback:
            places = [*part.feedback]
            outcomes, fed_back[places] = zip(*part.feedback.values(), strict=True)
            actual[places] = self._decoder.outcomes(outcomes)
        return Rows(
            fields,
            np.array(times, dtype=np.float64),
            np.array(decode(part.durations), dtype=np.float64),
            self._decoder.outcomes(decode(part.predictions)),
            self._decoder.probabilities(decode(part.probabilities)),
            actual,
            fed_back,
            part.warned,
        )


def _days(value: Any) -> float:
    days = None if value is None else dates.parse(value)
    if value is not None and days is None:
        raise ValueError(value)
    return math.nan if days is None else days


def _presence(value: Any) -> float:
    return math.nan if value is None else 1.0


# Values that are no numbers are compared as numbers: of a text, whether there is one.
_NUMBERS: dict[str, Callable[[Any], float]] = {"date": _days, "text": _presence}


class _Column:
    """Decodes the values of one field."""

    def __init__(self, field: Field) -> None:
        self._is_category, self._optional = field.type == "category", field.optional
        self._numbers = _NUMBERS.get(field.type)
        self._codes: Mapping[Any, float] = {
            None: math.nan,
            **{label: float(code) for code, label in enumerate(field.categories)},
        }

    def decode(self, values: Sequence[Any] | None) -> Floats | str:
        """Decode a part's values, or return the code of the reason why they are not as sent."""
        if values is None:
            return "left_out"
        try:
            if self._is_category:
                return np.fromiter(map(self._codes.__getitem__, values), np.float64, len(values))
            if self._numbers:
                return np.fromiter(map(self._numbers, values), np.float64, len(values))
            if self._optional:
                return np.array(values, dtype=np.float64)  # which makes NaN of None
            return np.fromiter(values, np.float64, len(values))  # faster
        except (KeyError, TypeError, ValueError):
            return "hashed"
