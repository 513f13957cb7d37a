"""Reads arrays, a matrix or a column for each field, into the matrix of rows.

Columns are checked at once; what is not plainly valid is declined by None, and read again by
`ExactReader` as if it had been sent as JSON records, so that faults and warnings are the same.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.inputs import labels
from serving.inputs.field import EXACT_INTEGER, Field
from serving.inputs.shapes import Column, null_for_nan, values_of

LABELS = {str, int, float}
NUMBERS = {int, float, type(None)}


class ArrayReader:
    """Reads the columns of all fields; `matrix` has one in the order of the fields."""

    def __init__(self, fields: Sequence[Field], dtype: Any) -> None:
        self._fields, self._dtype = tuple(fields), dtype
        plain = [each.is_numeric and not each.numbers_for_missing for each in self._fields]
        self._plain = [place for place, is_plain in enumerate(plain) if is_plain]
        self._others = {
            place: _codes(self._fields[place])
            for place, is_plain in enumerate(plain)
            if not is_plain
        }
        self._numbered = {
            place: numbers
            for place, codes in self._others.items()
            if (numbers := _numbers_of(codes))
        }
        limits = [
            (each.minimum, each.maximum, each.optional) if is_plain else (-np.inf, np.inf, True)
            for each, is_plain in zip(self._fields, plain, strict=True)
        ]
        self._lowest, self._highest = np.array([limit[:2] for limit in limits]).T
        self._optional = np.array([limit[2] for limit in limits])
        self._familiar = [*map(_familiar, self._fields)]
        self._whole = [place for place in self._plain if self._fields[place].type == "integer"]

    def matrix(self, sent: NDArray[Any] | Sequence[Column]) -> NDArray[Any] | None:
        """Make the matrix of rows from an array of numbers, or from a column for each field."""
        try:
            if isinstance(sent, np.ndarray) and sent.dtype.kind in "fiu":
                matrix = sent.astype(self._dtype)
                columns: Any = sent.T
            else:
                columns = sent.T if isinstance(sent, np.ndarray) else sent
                matrix = np.empty((len(columns[0]), len(self._fields)), self._dtype)
                for place in self._plain:
                    matrix[:, place] = _numbers(columns[place], self._fields[place])
            for place, codes in self._others.items():
                column, known = columns[place], self._numbered.get(place)
                found: Any = _coded(column, *known) if known else None
                if found is None:
                    found = _converted(column, self._fields[place], codes)
                matrix[:, place] = found
            return matrix if self._are_possible(matrix) else None
        except (ValueError, TypeError, OverflowError):
            return None

    def usual_row(self, row: Sequence[Any]) -> NDArray[Any] | None:
        """Make the matrix of one row within the range seen in training; None if it is another.

        It needs no warning, and NumPy takes longer than this over a single row.
        """
        values = []
        for value, (lowest, highest, codes) in zip(row, self._familiar, strict=True):
            if codes is not None:
                if value.__class__ not in LABELS or (code := codes.get(value)) is None:
                    return None
                values.append(code)
            elif value.__class__ is float and lowest <= value <= highest:
                values.append(value)
            else:
                return None
        return np.array([values])

    def _are_possible(self, matrix: NDArray[Any]) -> bool:
        if self._dtype is object:
            numbers = np.zeros(matrix.shape)
            numbers[:, self._plain] = matrix[:, self._plain]
            matrix = numbers
        inside = (matrix >= self._lowest) & (matrix <= self._highest)
        if not inside.all() and not (inside | (np.isnan(matrix) & self._optional)).all():
            return False
        if not self._whole:
            return True
        whole = matrix[:, self._whole]
        return bool(((whole == np.rint(whole)) | np.isnan(whole)).all())


def _familiar(field: Field) -> tuple[float, float, dict[Any, float] | None]:
    """Return the range of a field's numbers that need no warning, or the codes of its labels."""
    if field.type == "category":
        return 0, 0, _codes(field)
    if field.type != "number" or field.numbers_for_missing:
        return math.inf, -math.inf, None  # which no number is in
    seen = field.seen or (-math.inf, math.inf)
    return max(seen[0], field.minimum), min(seen[1], field.maximum), None


def _codes(field: Field) -> dict[Any, float]:
    """Return the codes of a category's values, except true and false; none for other fields."""
    if field.type != "category":
        return {}
    known = labels.rules_for(field.categories)
    codes: dict[Any, float] = {
        each: known.known[each] for each in (*field.categories, *known.integers)
    }
    return codes | ({None: math.nan} if field.optional else {})


def _numbers_of(codes: Mapping[Any, float]) -> tuple[NDArray[np.float64], ...]:
    """Return the numbers among a category's values, ascending, and their codes; nothing if none."""
    numbers = sorted(
        (each, code)
        for each, code in codes.items()
        if isinstance(each, int) and abs(each) < EXACT_INTEGER
    )
    return tuple(np.array(numbers, np.float64).T)


def _coded(
    column: Column, numbers: NDArray[np.float64], codes: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return the codes of an array of numbers; None if one of them has no code."""
    if not isinstance(column, np.ndarray) or column.dtype.kind not in "fiu":
        return None
    places = np.minimum(np.searchsorted(numbers, column), len(numbers) - 1)
    return codes[places] if (numbers[places] == column).all() else None


def _numbers(column: Column, field: Field) -> Any:
    """Return a column of numbers as they are, or convert its texts and booleans."""
    if isinstance(column, np.ndarray) and column.dtype.kind in "fiu":
        return column
    values = values_of(column)
    return values if {*map(type, values)} <= NUMBERS else _converted(column, field, {})


def _converted(column: Column, field: Field, codes: Mapping[Any, float]) -> list[Any]:
    """Read a column as values of JSON, each different one once; `codes` has those of some.

    Raises
    ------
    ValueError, TypeError
        If one is at fault, or needs a warning.
    """
    values = [*values_of(column)]
    kinds = {*map(type, values)}
    if codes and bool not in kinds:
        with suppress(KeyError):  # one that is no label, or is written in another way
            return [codes[value] for value in values]
    if len(kinds - {type(None)}) > 1:
        raise ValueError(kinds)  # true and 1 are the same key and may be different values
    values = [*map(null_for_nan, values)]
    read = {value: field.read(value) for value in dict.fromkeys(values)}
    if field.other and any(map(field.warning, read)):
        raise ValueError(field.other)
    return [read[value] for value in values]
