"""From a file to the texts of its cells."""

import hashlib
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.errors import NotATable
from serving.inputs.headers import Row
from serving.inputs.missing import is_missing
from serving.inputs.tables import TableReader
from train.errors import TrainingError

NONES = frozenset({"None", "none"})


class Sheet(NamedTuple):
    """The cells of a file.

    Attributes
    ----------
    cells : DataFrame
        Trimmed texts, by the names that the columns have in the model; NaN where a text stands
        for missing in any column.
    lines : ndarray of int
        The line of the file on which each row begins.
    separator : str
        The character between cells.
    nones : dict of str to Series
        The texts `None` by column, which stand for missing, but may be a label of a target.
    """

    cells: pd.DataFrame
    lines: NDArray[np.intp]
    separator: str
    nones: dict[str, "pd.Series[str]"] = {}  # noqa: RUF012 - a default that nobody changes


def read(path: Path) -> Sheet:
    """Read a CSV file as the service reads those that are sent to it.

    Raises
    ------
    TrainingError
        If the file is not there, not a table, or holds no rows.
    """
    try:
        with path.open("rb") as stream:
            table = TableReader(stream, max_bytes=sys.maxsize)
            rows, lines = table.take(sys.maxsize)
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}") from error
    except NotATable as error:
        raise TrainingError(f"{path} is not a table: {error}") from error
    if not rows:
        raise TrainingError(f"{path} has no rows below its line of column names: add some")
    width = len(table.names)
    for line, row in zip(lines, rows, strict=True):
        if len(row) != width:
            above = "; remove the lines above the column names" if width == 1 else ""
            raise TrainingError(
                f"{path} is not a table: line {line} has {len(row)} cells, the first line has "
                f"{width}{above}"
            )
    columns = dict(zip(table.names, zip(*rows, strict=True), strict=True))
    cells = pd.DataFrame({name: _column(texts) for name, texts in columns.items()}, copy=False)
    nones = {name: _nones(texts) for name, texts in columns.items() if NONES & {*texts}}
    return Sheet(cells, np.array(lines), table.separator, nones)


def _nones(texts: Row) -> "pd.Series[str]":
    return pd.Series([text if text in NONES else None for text in texts], dtype="str")


def _column(texts: Row) -> "pd.Series[str]":
    trimmed = map(str.strip, texts)
    present = [None if is_missing(text) else text for text in trimmed]
    return pd.Series(present, dtype="str")


def sha256(file: Path) -> str:
    """The hash of a file's content, by which a version names the data it was trained on."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
