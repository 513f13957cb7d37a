"""A CSV file as people have them, read into columns of numbers and of text."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from serving.errors import NotATable
from serving.field import EXACT_INTEGER, FLOAT32_MAX
from serving.inputs import tables
from serving.inputs.missing import MISSING
from serving.inputs.tables import Table
from train.errors import TrainingError

LONGEST = 2**30  # bytes of a row

WHOLE = r"[+-]?\d+"
GROUPED = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"  # 1,234.5
DECIMAL_COMMA = r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*),\d+"  # 2,6 or 1.234,5


class Texts(NamedTuple):
    """A table as it is written.

    Attributes
    ----------
    frame : DataFrame
        Of text, without the spaces around it; NA where there is no value.
    lines : list of int
        On which line of the file each row begins, from 1.
    table : Table
        What serving needs to know to read such a file the same way.
    """

    frame: pd.DataFrame
    lines: list[int]
    table: Table


def read(path: Path) -> pd.DataFrame:
    """Read a CSV file: a column is int64, Int64 (some missing), float64 or text.

    Missing values are NaN or NA.

    Raises
    ------
    TrainingError
        If the file is not there, not a table, or holds no rows.
    """
    found = texts(path)
    commas_group = found.table.separator == ","
    return found.frame.apply(lambda column: _typed(column, commas_group=commas_group))


def texts(path: Path) -> Texts:
    """Read a CSV file as serving reads one, see `inputs.tables`.

    Raises
    ------
    TrainingError
        If the file is not there, not a table, or holds no rows.
    """
    try:
        with path.open("rb") as file:
            cells = tables.TableReader(file, longest=LONGEST)
            rows, lines = cells.take(sys.maxsize)
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}") from error
    except NotATable as error:
        raise TrainingError(f"{path} is no table: {error}") from None
    if not rows:
        raise TrainingError(f"{path} has no rows below its line of column names")
    names = cells.names
    for line, row in zip(lines, rows, strict=True):
        if len(row) > len(names):
            message = f"has {len(row)} cells, the line of column names has {len(names)}"
            raise TrainingError(f"{path} is no table: line {line} {message}")
    rows[0] = [*rows[0], *[""] * (len(names) - len(rows[0]))]
    frame = pd.DataFrame(rows, columns=names, dtype="str")
    frame = frame.apply(lambda column: column.str.strip())
    return Texts(frame.mask(frame.isin(MISSING)), lines, Table(cells.separator, names))


def _typed(column: "pd.Series[Any]", *, commas_group: bool) -> "pd.Series[Any]":
    """A column of text as numbers, if all its values are numbers.

    Digits that begin with a zero (a postcode) are none. 1,234 is 1234 in a file separated by
    commas and 1.234 in others; 2,6 is 2.6 in any. Infinity, and what a tree's single precision
    cannot hold, is missing.
    """
    present = column.dropna()
    if present.str.match(r"[+-]?0\d").any():
        return column
    if present.str.contains(",", regex=False).any():
        if commas_group and present.str.fullmatch(f"{GROUPED}|{WHOLE}").all():
            present = present.str.replace(",", "")
        elif present.str.fullmatch(f"{DECIMAL_COMMA}|{WHOLE}").all():
            present = present.str.replace(".", "").str.replace(",", ".")
    try:
        values = pd.to_numeric(present).astype(np.float64)
    except ValueError:
        return column
    values = values.where(values.abs() <= FLOAT32_MAX).reindex(column.index)
    if not (present.str.fullmatch(WHOLE).all() and (values.abs().max() <= EXACT_INTEGER)):
        return values
    return values.astype("Int64" if values.hasnans else np.int64)
