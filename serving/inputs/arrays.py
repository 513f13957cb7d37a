"""Reads arrays, a matrix or a column for each field, into the matrix of rows.

Protocols whose records are not JSON objects are read here. Columns are checked at once; what is not
plainly valid is declined by None, and read again by `ExactReader` as if it had been sent as JSON
records, so that faults and warnings are the same.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import Fault, InvalidRecords
from serving.inputs.decimals import shortest
from serving.inputs.field import Field
from serving.inputs.shown import listed, shown
from serving.inputs.strict_json import JSONObject

Column = NDArray[Any] | Sequence[Any]  # a value for each record
Sent = NDArray[Any] | Sequence[Sequence[Any]] | Mapping[str, Column]

NUMBERS = {int, float, type(None)}
ROUNDED = (np.float16, np.float32)


class ArrayReader:
    """Reads the columns of all fields; `matrix` has one in the order of the fields."""

    def __init__(self, fields: Sequence[Field], dtype: Any) -> None:
        self._fields, self._dtype = tuple(fields), dtype
        plain = [each.is_numeric and not each.numbers_for_missing for each in self._fields]
        self._plain = [place for place, is_plain in enumerate(plain) if is_plain]
        self._others = [place for place, is_plain in enumerate(plain) if not is_plain]
        numbers = [self._fields[place] for place in self._plain]
        self._lowest = np.array([each.minimum for each in numbers])
        self._highest = np.array([each.maximum for each in numbers])
        self._optional = np.array([each.optional for each in numbers], bool)
        self._whole = np.array([each.type == "integer" for each in numbers], bool)

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
            for place in self._others:
                matrix[:, place] = _converted(columns[place], self._fields[place])
        except (ValueError, TypeError, OverflowError):
            return None
        return matrix if self._are_possible(matrix) else None

    def _are_possible(self, matrix: NDArray[Any]) -> bool:
        numbers = (matrix[:, self._plain] if self._others else matrix).astype(np.float64)
        inside = (numbers >= self._lowest) & (numbers <= self._highest)
        if not inside.all() and not (inside | (np.isnan(numbers) & self._optional)).all():
            return False
        if not self._whole.any():
            return True
        whole = numbers[:, self._whole]
        return bool(((whole == np.rint(whole)) | np.isnan(whole)).all())


def exact(sent: NDArray[Any]) -> NDArray[Any]:
    """Read floats of less than double precision by their shortest decimals."""
    return shortest(sent) if sent.dtype in ROUNDED else sent


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
    values = [map(_or_null, _listed(column)) for column in columns.values()]
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
    return values if {*map(type, values)} <= NUMBERS else _converted(column, field)


def _converted(column: Column, field: Field) -> list[Any]:
    """Read a column as values of JSON, each different one once.

    Raises
    ------
    ValueError, TypeError
        If one is at fault, or needs a warning.
    """
    values = [*map(_or_null, _listed(column))]
    kinds = {*map(type, values)} - {type(None)}
    if len(kinds) > 1:
        raise ValueError(kinds)  # true and 1 are the same key and may be different values
    read = {value: field.read(value) for value in dict.fromkeys(values)}
    if field.other and any(map(field.warning, read)):
        raise ValueError(field.other)
    return [read[value] for value in values]
