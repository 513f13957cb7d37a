"""From the columns of a table to a model's fields and their values."""

from typing import Any

import pandas as pd
from msgspec.structs import replace

from serving.inputs.field import Field
from serving.sentence import Sentence
from train.errors import TrainingError
from train.tables.column import Column
from train.tables.options import quoted

MAX_LABELS = 200
MIN_OF_A_LABEL = 5  # rows, where not all labels can stay
OTHER = "other"

Values = pd.Series  # for annotations in quotes: pandas' own has no parameters when it runs


def to_field(column: Column, rows: "pd.Index[int]", chosen: str) -> tuple[Field, "Values[Any]"]:
    """The field of a column, and its values in the training rows.

    0 and 1 are labels. A field that is missing in any row of the file may be missing in a record.

    Parameters
    ----------
    chosen : str
        The type that a person has chosen for it; empty if none.

    Raises
    ------
    TrainingError
        If its labels are too many and none of them is frequent.
    """
    values = column.content.loc[rows]
    if chosen == "text":
        field = Field(name=column.name, type="text")
    elif column.kind == "text" or (chosen != "number" and is_zero_or_one(column, values)):
        field, values = _category(column, to_labels(values))
    elif column.kind == "date":
        field = Field(name=column.name, type="date", format=column.format)
    else:
        field = Field(
            name=column.name,
            type="integer" if column.kind == "integer" else "number",
            unit=column.unit,
            numerals=column.numerals,
        )
    optional = bool(column.content.isna().any())
    return replace(field, missing=column.missing, optional=optional), values


def is_zero_or_one(column: Column, values: "Values[Any]") -> bool:
    """Whether a column has numbers that are labels: 0 and 1, without a unit."""
    return column.is_numeric and not column.unit and set(values.dropna()) == {0, 1}


def _category(column: Column, labels: "Values[Any]") -> tuple[Field, "Values[Any]"]:
    """A category with all labels, or with the frequent ones and one for all others."""
    counts = labels.value_counts()
    if len(counts) <= MAX_LABELS:
        return Field(
            name=column.name, type="category", categories=tuple(sorted(counts.index))
        ), labels
    frequent = counts[counts >= MIN_OF_A_LABEL].index[: MAX_LABELS - 1]
    if not len(frequent):
        raise TrainingError(
            Sentence(
                "{name!r} has {distinct:,} different values, and none of them in {least} rows: "
                "they cannot be used as labels; use their words with --text {option}, or leave "
                "them out with --drop {option}",
                name=column.name,
                distinct=len(counts),
                least=MIN_OF_A_LABEL,
                option=quoted(column.name),
            )
        )
    other = OTHER
    while other in counts.index:
        other += "_"
    field = Field(
        name=column.name,
        type="category",
        categories=tuple(sorted([*frequent, other])),
        other=other,
    )
    return field, labels.where(labels.isna() | labels.isin(frequent), other)


def to_labels(values: "Values[Any]") -> "Values[Any]":
    """Values as texts: 1 and 1.0 are "1"."""
    if not pd.api.types.is_numeric_dtype(values):
        return values
    return values.map(lambda value: f"{value:.15g}", na_action="ignore").astype("str")
