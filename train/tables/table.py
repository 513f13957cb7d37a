"""A CSV file as a frame: columns of numbers and of text."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from serving.sentence import Sentence
from train.errors import TrainingError
from train.tables.column import Column
from train.tables.columns import infer_columns
from train.tables.options import DEFAULTS
from train.tables.read import read as read_cells


def read(path: Path) -> pd.DataFrame:
    """Read a CSV file: a column is int64, Int64 (some missing), float64 or text.

    Dates are text here.

    Raises
    ------
    TrainingError
        If the file is not a table, or a column holds numbers and a few other cells.
    """
    sheet = read_cells(path)
    columns, _ = infer_columns(sheet, DEFAULTS)
    if strays := [column.strays for column in columns.values() if column.strays]:
        raise TrainingError(
            Sentence(
                "{file}: {strays:; }; correct them, or leave their rows out",
                file=path,
                strays=strays,
            )
        )
    return pd.DataFrame(
        {name: _typed(column, sheet.cells[name]) for name, column in columns.items()}
    )


def _typed(column: Column, texts: "pd.Series[Any]") -> "pd.Series[Any]":
    if not column.is_numeric:
        return texts.mask(texts.isin(column.missing))
    if column.kind == "number":
        return column.content
    return column.content.astype("Int64" if column.content.hasnans else np.int64)
