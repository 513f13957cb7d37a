"""A version's latest predictions as columns, from the rows of the store."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

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
from serving.monitor.report import WindowSummary
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


class Window:
    """The predictions of a window, column by column.

    Attributes
    ----------
    rows, warned : int
        How many predictions there are, and how many came with a warning.
    unrecorded : dict of str to str
        By field: the code of the reason why not all of its values are there.
    times, durations : ndarray of float
        Milliseconds since 1970, UTC; microseconds.
    predicted, actual : ndarray
        Codes of labels, or numbers.
    probabilities : ndarray, shape (rows, classes), or None
    feedback_times : ndarray of float
        Milliseconds since 1970, UTC; NaN without feedback.
    """

    def __init__(self, fields: Iterable[Field], decoder: Decoder, parts: Iterable[Part]) -> None:
        self.decoder = decoder
        self.rows = self.warned = 0
        self.unrecorded: dict[str, str] = {}
        self._columns = {field.name: _Column(field) for field in fields}
        none, nothing = np.empty(0), decoder.outcomes(())  # empty arrays need a type, too
        empty = (none, none, nothing, decoder.probabilities(()), nothing, none)
        times, durations, predicted, probabilities, actual, fed_back = zip(
            empty, *map(self._read, parts), strict=True
        )
        self.times, self.durations = np.concatenate(times), np.concatenate(durations)
        self.feedback_times = np.concatenate(fed_back)
        self.predicted, self.actual = np.concatenate(predicted), np.concatenate(actual)
        self.probabilities = np.concatenate(probabilities) if decoder.has_probabilities else None

    def _read(self, part: Part) -> tuple[Any, ...]:
        times = decode(part.times)
        self.rows += len(times)
        self.warned += part.warned
        columns = zip(*decode(part.records), strict=True)
        recorded = dict(zip(decode(part.fields), columns, strict=True))
        for name, column in self._columns.items():
            if name not in self.unrecorded and (why := column.add(recorded.get(name))):
                self.unrecorded[name] = why
        actual, fed_back = self.decoder.unknown(len(times)), np.full(len(times), np.nan)
        if part.feedback:
            places = [*part.feedback]
            outcomes, fed_back[places] = zip(*part.feedback.values(), strict=True)
            actual[places] = self.decoder.outcomes(outcomes)
        return (
            np.array(times, dtype=np.float64),
            np.array(decode(part.durations), dtype=np.float64),
            self.decoder.outcomes(decode(part.predictions)),
            self.decoder.probabilities(decode(part.probabilities)),
            actual,
            fed_back,
        )

    def summary(self, max_rows: int, days: int) -> WindowSummary:
        """The window in the form of a report, with its limits."""
        return WindowSummary(
            since=int(self.times.min()) if self.rows else None,
            until=int(self.times.max()) if self.rows else None,
            predictions=self.rows,
            max_rows=max_rows,
            days=days,
        )

    def sample(self, max_rows: int) -> tuple[Floats, NDArray[np.intp]] | None:
        """Return evenly chosen rows as an estimator takes them, and their positions.

        None if not all fields are there as they were sent, as texts never are.
        """
        columns = self._columns.values()
        if self.unrecorded or any(each.field.type == "text" for each in columns):
            return None
        places = np.linspace(0, self.rows - 1, min(max_rows, self.rows)).round().astype(np.intp)
        chosen = [np.concatenate(each.parts)[places].astype(np.float64) for each in columns]
        for values, column in zip(chosen, columns, strict=True):
            if column.field.type == "category":
                values[values == UNKNOWN] = np.nan
        return np.column_stack(chosen), places

    def take(self, field: str) -> NDArray[Any]:
        """Remove and return a field's values: codes of a category, numbers with NaN for missing."""
        column = self._columns[field]
        parts, column.parts = column.parts, []
        return np.concatenate(parts)


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
    """The values of one field, part by part."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.parts = [np.empty(0, np.int32 if field.type == "category" else np.float64)]
        self._numbers = _NUMBERS.get(field.type)
        self._codes: Mapping[Any, int] = {
            None: UNKNOWN,
            **{label: code for code, label in enumerate(field.categories)},
        }

    def add(self, values: Sequence[Any] | None) -> str:
        """Add a part's values, or return the code of the reason why they are not as sent."""
        if values is None:
            return "left_out"
        try:
            if self.field.type == "category":
                codes = map(self._codes.__getitem__, values)
                part: NDArray[Any] = np.fromiter(codes, np.int32, len(values))
            elif self._numbers:
                part = np.fromiter(map(self._numbers, values), np.float64, len(values))
            elif self.field.optional:
                part = np.array(values, dtype=np.float64)  # which makes NaN of None
            else:
                part = np.fromiter(values, np.float64, len(values))  # faster
            self.parts.append(part)
        except (KeyError, TypeError, ValueError):
            return "hashed"
        return ""
