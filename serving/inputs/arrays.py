"""Reads arrays, a matrix or a column for each field, into the matrix of rows.

Protocols whose records are not JSON objects are read here. Columns are checked at once; what is not
plainly valid is declined by None, and read again by `ExactReader` as if it had been sent as JSON
records, so that faults and warnings are the same.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import Fault, InvalidRecords
from serving.inputs import labels
from serving.inputs.decimals import shortest
from serving.inputs.field import EXACT_INTEGER, Field
from serving.inputs.shown import listed, shown
from serving.inputs.strict_json import JSONObject, as_parsed

Column = NDArray[Any] | Sequence[Any]  # a value for each record
Sent = NDArray[Any] | Sequence[Sequence[Any]] | Mapping[str, Column]

LABELS = {str, int, float}
NUMBERS = {int, float, type(None)}
ROUNDED = (np.float16, np.float32)


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


def exact(sent: NDArray[Any]) -> NDArray[Any]:
    """Read floats of less than double precision by their shortest decimals."""
    usual = sent.dtype.newbyteorder("=")
    return shortest(sent.astype(usual)) if usual in ROUNDED else sent


def as_matrix(sent: NDArray[Any] | Sequence[Sequence[Any]], fields: Sequence[Field]) -> Any:
    """Return an array as it is, and a list of rows as its columns.

    Raises
    ------
    InvalidRecords
        If a row does not have a value for each field.
    """
    width = len(fields)
    if isinstance(sent, np.ndarray):
        if sent.ndim == 2 and sent.shape[1] == width:  # noqa: PLR2004 - a matrix
            return exact(sent)
        sent = sent.tolist()
    faults = [
        Fault(record=place, message=_other_width(row, fields))
        for place, row in enumerate(sent)
        if not isinstance(row, list | tuple) or len(row) != width
    ]
    if faults:
        raise InvalidRecords(faults)
    return [*zip(*sent, strict=True)]


def as_columns(sent: Mapping[str, Column]) -> dict[str, Column]:
    """Return columns of equal length.

    Raises
    ------
    InvalidRecords
        If some are shorter than others.
    """
    lengths = {name: len(column) for name, column in sent.items()}
    most = max(lengths.values(), default=0)
    faults = [
        Fault(
            record=length,
            field=name,
            message=f"has {length} values and another column {most}; send one for each record",
        )
        for name, length in lengths.items()
        if length < most
    ]
    if faults:
        raise InvalidRecords(faults)
    return {
        name: exact(column) if isinstance(column, np.ndarray) else column
        for name, column in sent.items()
    }


def as_records(columns: Mapping[str, Column]) -> list[JSONObject]:
    """Make the JSON records whose values are in columns, null for NaN."""
    values = [map(as_parsed, map(_or_null, _listed(column))) for column in columns.values()]
    return [
        JSONObject([*zip(columns, record, strict=True)]) for record in zip(*values, strict=True)
    ]


def _other_width(row: Any, fields: Sequence[Field]) -> str:
    names = listed(tuple(field.name for field in fields))
    if not isinstance(row, list | tuple):
        return f"{shown(row)} is not a row; send an array of {len(fields)} values: {names}"
    return f"has {len(row)} values; send {len(fields)}, in this order: {names}"


def _listed(column: Column) -> Iterable[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else column


def _or_null(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _numbers(column: Column, field: Field) -> Any:
    """Return a column of numbers as they are, or convert its texts and booleans."""
    if isinstance(column, np.ndarray) and column.dtype.kind in "fiu":
        return column
    values = _listed(column)
    return values if {*map(type, values)} <= NUMBERS else _converted(column, field, {})


def _converted(column: Column, field: Field, codes: Mapping[Any, float]) -> list[Any]:
    """Read a column as values of JSON, each different one once; `codes` has those of some.

    Raises
    ------
    ValueError, TypeError
        If one is at fault, or needs a warning.
    """
    values = [*_listed(column)]
    kinds = {*map(type, values)}
    if codes and bool not in kinds:
        with suppress(KeyError):  # one that is no label, or is written in another way
            return [codes[value] for value in values]
    if len(kinds - {type(None)}) > 1:
        raise ValueError(kinds)  # true and 1 are the same key and may be different values
    values = [*map(_or_null, values)]
    read = {value: field.read(value) for value in dict.fromkeys(values)}
    if field.other and any(map(field.warning, read)):
        raise ValueError(field.other)
    return [read[value] for value in values]
