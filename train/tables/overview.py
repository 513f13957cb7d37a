"""How each column was read, in a table that is printed."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from serving.figures import counted, separated
from serving.inputs import dates
from serving.inputs.field import EXACT_INTEGER, Field
from serving.inputs.shown import printable
from train.tables import days

MAX_FIELDS = 40
LABELS = 5  # of a category
NAME = 30  # characters


def lines(fields: Sequence[Field], frame: pd.DataFrame) -> Iterator[str]:
    """A line for each field: its name, type, missing values, and range or labels."""
    rows = [("column", "read as", "missing", "values")]
    rows += [
        (
            _short(field.name),
            _kind(field),
            f"{frame[field.name].isna().sum():,}",
            values(field.type, frame[field.name]),
        )
        for field in fields[:MAX_FIELDS]
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, kind, missing, shown in rows:
        yield f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {missing:>{widths[2]}}  {shown}"
    if len(fields) > MAX_FIELDS:
        yield f"… and {len(fields) - MAX_FIELDS:,} more"


def _short(text: str) -> str:
    text = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in printable(text))
    return text if len(text) <= NAME else f"{text[: NAME - 1]}…"


def _kind(field: Field) -> str:
    if field.type == "category":
        others = " and others" if field.other else ""
        return counted(len(field.categories) - bool(field.other), "label") + others
    if field.type == "date":
        return f"date, {days.readable(field.format)}"
    if field.type == "text":
        return "free text"
    kind = "whole number" if field.type == "integer" else "number"
    return f"{kind} in {field.unit}" if field.unit else kind


def values(kind: str, column: "pd.Series[Any]") -> str:
    """The range of a column's values, its most frequent labels, or how many texts it has."""
    if kind == "category":
        common = [str(label) for label in column.value_counts().index]
        return ", ".join(map(_short, common[:LABELS])) + (", …" if len(common) > LABELS else "")
    if kind == "text":
        return f"{column.nunique():,} different"
    low, high = column.min(), column.max()
    if kind == "date":
        return f"{dates.to_iso(low)} to {dates.to_iso(high)}"
    return f"{_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    """A number: whole ones in full, others to six digits."""
    if value.is_integer() and abs(value) < EXACT_INTEGER:
        return separated(f"{value:.0f}")
    written = f"{value:.6g}"
    return written if "e" in written else separated(written)
