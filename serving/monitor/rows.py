"""Predictions of a version as columns, from the rows of the store."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.inputs import dates
from serving.inputs.columns import ReadArrays, make_arrays_reader
from serving.inputs.field import Field
from serving.monitor.counts import Floats
from serving.monitor.decoder import Decoder, decline, decode, encode, numbers
from serving.recording.store.windows import Part


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

    Parameters
    ----------
    unrecorded : dict of str to str
        By field: the code of the reason why not all of its values are there; added to.
    """

    def __init__(
        self, fields: Iterable[Field], decoder: Decoder, unrecorded: dict[str, str]
    ) -> None:
        self._decoder, self._unrecorded = decoder, unrecorded
        self._columns = {field.name: _Column(field) for field in fields}
        self._readers: dict[str, ReadArrays] = {}  # by the names of the values in a record

    def read(self, part: Part) -> Rows:
        """Decode a part."""
        rows = part.times.count(",") + 1
        actual, fed_back = self._decoder.unknown(rows), np.full(rows, np.nan)
        if part.feedback:
            places = [*part.feedback]
            outcomes, fed_back[places] = zip(*part.feedback.values(), strict=True)
            actual[places] = self._decoder.outcomes(encode(outcomes).decode(), len(places))
        return Rows(
            self._fields(part, rows),
            numbers(part.times, rows),
            numbers(part.durations, rows),
            self._decoder.outcomes(part.predictions, rows),
            self._decoder.probabilities(part.probabilities, rows),
            actual,
            fed_back,
            part.warned,
        )

    def _fields(self, part: Part, rows: int) -> dict[str, Floats]:
        if part.fields not in self._readers:
            self._readers[part.fields] = self._make_reader(decode(part.fields))
        names = decode(part.fields)
        matrix = self._readers[part.fields](part.records, rows)
        if matrix is None:
            columns = zip(*decode(part.records), strict=True)
            recorded = dict(zip(names, columns, strict=True))
            found = {
                name: column.decode(recorded[name])
                for name, column in self._columns.items()
                if name in recorded and name not in self._unrecorded
            }
        else:
            found = {name: matrix[:, place] for place, name in enumerate(self._columns)}
        for name in self._columns:
            if name not in names:
                self._unrecorded.setdefault(name, "left_out")
            elif found.get(name) is None:
                self._unrecorded.setdefault(name, "hashed")
        return {
            name: values
            for name, values in found.items()
            if values is not None and name not in self._unrecorded
        }

    def _make_reader(self, names: Sequence[str]) -> ReadArrays:
        """Make what reads records of these values in C, if all of them are fields that it reads."""
        columns = [*self._columns]
        if not {*names} <= {*columns} or any(each.parse for each in self._columns.values()):
            return decline
        known = [each.codes for each in self._columns.values()]
        return make_arrays_reader(known, [columns.index(name) for name in names]) or decline


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
    """How the values of one field are decoded.

    Attributes
    ----------
    codes : dict or None
        Of a category: the code of each label.
    parse : callable or None
        What makes a number of values that are none.
    """

    def __init__(self, field: Field) -> None:
        self.codes: dict[Any, float] | None = None
        if field.type == "category":
            self.codes = {label: float(code) for code, label in enumerate(field.categories)}
        self.parse = _NUMBERS.get(field.type)

    def decode(self, values: Sequence[Any]) -> Floats | None:
        """Decode values; None if some are not as they were sent. What is null is NaN."""
        try:
            if self.codes is not None:
                codes = {**self.codes, None: math.nan}
                return np.fromiter(map(codes.__getitem__, values), np.float64, len(values))
            if self.parse:
                return np.fromiter(map(self.parse, values), np.float64, len(values))
            return np.array(values, dtype=np.float64)
        except (KeyError, TypeError, ValueError):
            return None
