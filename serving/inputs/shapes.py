"""The shapes in which records that are not JSON objects are sent: a matrix, rows, or columns."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import Fault, InvalidRecords
from serving.figures import counted
from serving.inputs.decimals import shortest
from serving.inputs.field import Field
from serving.inputs.names import Names
from serving.inputs.shown import listed, shown
from serving.inputs.strict_json import JSONObject, as_parsed

Column = NDArray[Any] | Sequence[Any]  # a value for each record
Sent = NDArray[Any] | Sequence[Sequence[Any]] | Mapping[str, Column]

ROUNDED = (np.float16, np.float32)


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
            return _exact(sent)
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
    longest = max(lengths.values(), default=0)
    faults = [
        Fault(
            record=length,
            field=name,
            message=f"has {counted(length, 'value')} and another column {longest}; send one for "
            "each record",
        )
        for name, length in lengths.items()
        if length < longest
    ]
    if faults:
        raise InvalidRecords(faults)
    return {
        name: _exact(column) if isinstance(column, np.ndarray) else column
        for name, column in sent.items()
    }


def in_order(
    columns: Mapping[str, Column], fields: tuple[str, ...], known: Names
) -> list[Column] | None:
    """Return the columns in the order of the fields; None unless there is one for each."""
    if (*columns,) == fields:
        return [*columns.values()]
    matched = known.match(columns)
    if matched.unknown or len(matched.fields) < len(fields):
        return None
    return [columns[matched.fields[name]] for name in fields]


def as_records(columns: Mapping[str, Column]) -> list[JSONObject]:
    """Make the JSON records whose values are in columns, null for NaN."""
    values = [map(as_parsed, map(null_for_nan, values_of(column))) for column in columns.values()]
    return [
        JSONObject([*zip(columns, record, strict=True)]) for record in zip(*values, strict=True)
    ]


def values_of(column: Column) -> Iterable[Any]:
    """Return the values of a column as Python has them."""
    return column.tolist() if isinstance(column, np.ndarray) else column


def null_for_nan(value: Any) -> Any:
    """Return None for NaN, and other values as they are."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _exact(sent: NDArray[Any]) -> NDArray[Any]:
    """Read floats of less than double precision by their shortest decimals."""
    usual = sent.dtype.newbyteorder("=")
    return shortest(sent.astype(usual)) if usual in ROUNDED else sent


def _other_width(row: Any, fields: Sequence[Field]) -> str:
    names = listed(tuple(field.name for field in fields))
    if not isinstance(row, list | tuple):
        return (
            f"{shown(row)} is not a row; send an array of {counted(len(fields), 'value')}: {names}"
        )
    return f"has {counted(len(row), 'value')}; send {len(fields)}, in this order: {names}"
