"""A CSV file as people have them, read into columns of numbers and of text."""

import csv
import io
import itertools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from serving.field import EXACT_INTEGER, FLOAT32_MAX
from train.errors import TrainingError

SEPARATORS = ",;\t|"
LINES_TO_JUDGE_BY = 100
MISSING = ["", "?", "NA", "N/A", "#N/A", "n/a", "<NA>", "NaN", "nan", "NULL", "null", "None"]

WHOLE = r"[+-]?\d+"
GROUPED = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"  # 1,234.5
DECIMAL_COMMA = r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*),\d+"  # 2,6 or 1.234,5


def read(path: Path) -> pd.DataFrame:
    """Read a CSV file: a column is int64, Int64 (some missing), float64 or text.

    The separator is a comma, semicolon, tab or bar, whichever splits the first lines alike; the
    encoding is UTF-8, with or without byte order mark, or else Latin-1. Column names stay as they
    are. Missing values are NaN or NA.

    Raises
    ------
    TrainingError
        If the file is not there, not a table, or holds no rows.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "\0" in text:
        raise TrainingError(f"{path} is not a text file; save it as CSV in UTF-8")
    separator = _separator(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                dtype="str",
                index_col=False,
                na_values=MISSING,
                keep_default_na=False,
            )
    except pd.errors.EmptyDataError:
        raise TrainingError(f"{path} is empty") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise TrainingError(f"{path} is no table: {str(error).strip()}") from error
    if frame.empty:
        raise TrainingError(f"{path} has no rows below its line of column names")
    commas_group = separator == ","
    return frame.apply(lambda column: _typed(column.str.strip(), commas_group=commas_group))


def _separator(text: str) -> str:
    """Return the separator by which most lines have as many values as the header, and several."""
    lines = list(itertools.islice(io.StringIO(text, newline=None), LINES_TO_JUDGE_BY))

    def fit(separator: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        except csv.Error:  # a value of 128 KB, for one
            return 0, 0
        several = bool(widths) and widths[0] > 1
        return (widths.count(widths[0]) / len(widths), widths[0]) if several else (0, 0)

    return max(SEPARATORS, key=fit)


def _typed(column: "pd.Series[Any]", *, commas_group: bool) -> "pd.Series[Any]":
    """A column of text as numbers, if all its values are numbers.

    Digits that begin with a zero (a postcode) are none. 1,234 is 1234 in a file separated by
    commas and 1.234 in others; 2,6 is 2.6 in any. Infinity, and what a tree's single precision
    cannot hold, is missing.
    """
    column = column.mask(column.isin(MISSING))
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
