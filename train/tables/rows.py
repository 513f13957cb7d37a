"""From the columns of a frame to the rows that an estimator is fitted on."""

from typing import Any

import numpy as np
import pandas as pd
from msgspec.structs import replace
from numpy.typing import NDArray

from serving.inputs.field import Field
from serving.inputs.schema import Matrix


def to_rows(frame: pd.DataFrame, fields: tuple[Field, ...]) -> Matrix:
    """One float per field, categories by their code, as the service encodes a record.

    With free text among the fields the rows are objects: the texts as they are, None where one is
    missing.
    """
    if not any(field.type == "text" for field in fields):
        return comparable(frame, fields)
    rows = np.empty((len(frame), len(fields)), dtype=object)
    for at, field in enumerate(fields):
        column = frame[field.name]
        if field.type == "text":
            rows[:, at] = column.astype(object).where(column.notna(), None)
        else:
            rows[:, at] = _floats(column, field)
    return rows


def comparable(frame: pd.DataFrame, fields: tuple[Field, ...]) -> Matrix:
    """Rows of floats that are equal where the frame's are; each different text has a number."""
    return np.column_stack([_floats(frame[field.name], field) for field in fields])


def _floats(column: "pd.Series[Any]", field: Field) -> NDArray[np.float64]:
    if field.type == "category":
        column = column.map(field.codes)
    elif field.type == "text":
        column = pd.Series(pd.factorize(column)[0])
    return column.to_numpy(dtype=np.float64)


def with_range(field: Field, column: "pd.Series[Any]") -> Field:
    """The field with the range of a column's values, or with its labels if it has none yet."""
    if field.type == "text":
        return field
    if field.type != "category":
        return replace(field, seen=(float(column.min()), float(column.max())))
    return replace(field, categories=field.categories or tuple(sorted(column.dropna().unique())))
