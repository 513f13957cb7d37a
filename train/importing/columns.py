"""Fields from the columns of a sample."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype

from serving.inputs.field import Field
from train.tables.fields import to_labels
from train.tables.options import require_name

Column = pd.Series  # for annotations in quotes: pandas' own has no parameters when it runs


def require_column(table: pd.DataFrame, name: str) -> None:
    """Raise TrainingError, with the nearest name, if a table has no such column."""
    require_name(map(str, table.columns), name)


def number(name: str, column: "Column[Any]") -> tuple[Field, "Column[Any]"]:
    """A column of numbers as a field."""
    kind: Literal["integer", "number"] = "integer" if is_integer_dtype(column) else "number"
    field = Field(name=name, type=kind, optional=bool(column.isna().any()))
    return field, pd.Series(column.to_numpy(np.float64, na_value=np.nan), index=column.index)


def text(name: str, column: "Column[Any]") -> tuple[Field, "Column[Any]"]:
    """A column of free text as a field."""
    field = Field(name=name, type="text", optional=bool(column.isna().any()))
    return field, to_labels(column)


def category(
    name: str, column: "Column[Any]", more: Iterable[str] = ()
) -> tuple[Field, "Column[Any]"]:
    """A column of labels as a field; `more` are labels that are not in the column."""
    labels = to_labels(column)
    categories = tuple(sorted({*labels.dropna(), *more}))
    optional = bool(column.isna().any())
    return Field(name=name, type="category", categories=categories, optional=optional), labels
