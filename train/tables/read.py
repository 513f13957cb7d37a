"""From files to the texts of their cells."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.errors import NoRoom, NotATable
from serving.formats.recognised import why_no_table
from serving.formats.workbook import is_workbook, to_csv
from serving.inputs.headers import Row, other_width
from serving.inputs.missing import is_missing
from serving.inputs.tables import TableReader
from serving.sentence import Sentence
from train.errors import TrainingError
from train.tables import progress
from train.tables.files import Files, names_of_all

SAMPLE, SOME = 1_000_000, 100  # bytes of a file by which rows are counted, and rows at once
BLOCK = 10_000  # rows that are read at once
NONES = frozenset({"None", "none"})


class Lines(NamedTuple):
    """The lines of files on which rows begin.

    Attributes
    ----------
    numbers : ndarray of int, shape (rows,)
        The line of the file that the row is from.
    files : tuple of Path
    ends : tuple of int
        How many rows come before the end of each file.
    """

    numbers: NDArray[np.intp]
    files: Files
    ends: tuple[int, ...]

    def named(self, rows: NDArray[np.intp]) -> list[str]:
        """The lines of some rows, with their files if there are several."""
        lines = self.numbers[rows].tolist()
        if len(self.files) == 1:
            return [*map(str, lines)]
        at = np.searchsorted(self.ends, rows, side="right").tolist()
        return [f"{line} of {self.files[file]}" for line, file in zip(lines, at, strict=True)]


class Sheet(NamedTuple):
    """The cells of one file, or of several, one below the other.

    Attributes
    ----------
    cells : DataFrame
        Trimmed texts, by the names that the columns have in the model; NaN where a text stands
        for missing in any column.
    lines : Lines
    separator : str
        The character between cells.
    nones : dict of str to Series
        The texts `None` by column, which stand for missing, but may be a label of a target.
    remarks : tuple of str
        What was decided of the files, such as which sheet of a workbook is read.
    """

    cells: pd.DataFrame
    lines: Lines
    separator: str
    nones: dict[str, "pd.Series[str]"] = {}  # noqa: RUF012 - a default that nobody changes
    remarks: tuple[Sentence, ...] = ()


def read(*files: Path, drop: frozenset[str] = frozenset()) -> Sheet:
    """Read CSV files as the service reads those that are sent to it.

    Parameters
    ----------
    drop : frozenset of str
        Columns that not all files must have.

    Raises
    ------
    TrainingError
        If a file is not there, is not a table, or has other columns than the first, or if there are
        no rows.
    """
    sheets = {file: _read(file) for file in files}
    names = names_of_all({file: [*each.cells] for file, each in sheets.items()}, drop)
    if not any(map(len, (each.cells for each in sheets.values()))):
        raise TrainingError(
            Sentence("{file} has no rows below its line of column names: add some", file=files[0])
        )
    if len(files) == 1:
        return sheets[files[0]]
    separators = {file: each.separator for file, each in sheets.items() if len(names) > 1}
    for file, separator in separators.items():
        if separator != separators[files[0]]:
            raise TrainingError(
                Sentence(
                    "{file} has {separator!r} between its cells, {other} has {others!r}: write "
                    "them alike",
                    file=file,
                    separator=separator,
                    other=files[0],
                    others=separators[files[0]],
                )
            )
    every = list(sheets.values())
    having = {name for each in every for name in each.nones}
    return Sheet(
        pd.concat([each.cells.reindex(columns=[*names]) for each in every], ignore_index=True),
        Lines(
            np.concatenate([each.lines.numbers for each in every]),
            files,
            tuple(np.cumsum([len(each.cells) for each in every]).tolist()),
        ),
        every[0].separator,
        {name: _joined(name, every) for name in having},
        tuple(remark for each in every for remark in each.remarks),
    )


def size(files: Files) -> tuple[int, int, int]:
    """About how many rows and columns files have, and the bytes of a row's texts as Python's.

    They are estimated by the sizes of files and the first rows of each; one that cannot be read
    has none, nor has a workbook.
    """
    rows = columns = texts = 0
    for file in files:
        count = found = 0
        with suppress(OSError, NotATable), file.open("rb") as stream:  # the sample ends anywhere
            first = TableReader(BytesIO(stream.read(SAMPLE)), max_bytes=sys.maxsize)
            columns = max(columns, len(first.names))
            while taken := first.take(SOME)[0]:
                count += len(taken)
                found += sum(sys.getsizeof(text) for row in taken for text in row if len(text) > 1)
        with suppress(OSError):
            samples = max(1, file.stat().st_size / SAMPLE)
            rows += round(count * samples)
            texts += round(found * samples)
    return rows, columns, texts // max(rows, 1)


def _joined(name: str, sheets: Sequence[Sheet]) -> "pd.Series[str]":
    """The texts `None` of a column, of one file below the other."""
    parts = [each.nones.get(name, _nones([""] * len(each.cells))) for each in sheets]
    return pd.concat(parts, ignore_index=True)


def _read(path: Path) -> Sheet:
    """Read one file, which may have no rows."""
    try:
        with opened(path) as (stream, remarks):
            table = TableReader(stream, max_bytes=sys.maxsize)
            rows, lines = _all(table, stream)
    except OSError as error:
        raise TrainingError(
            Sentence("{file} cannot be read: {why}", file=path, why=error.strerror)
        ) from error
    except (NotATable, NoRoom) as error:
        raise TrainingError(
            Sentence("{file} is not a table: {why}", file=path, why=error.args[0])
        ) from error
    width = len(table.names)
    for line, row in zip(lines, rows, strict=True):
        if len(row) != width:
            raise TrainingError(
                Sentence(
                    "{file} is not a table: line {line} {fault}",
                    file=path,
                    line=line,
                    fault=other_width(len(row), width, table.separator),
                )
            )
    columns = dict(zip(table.names, zip(*rows, strict=True) if rows else [()] * width, strict=True))
    del rows
    made = {}
    for name, texts in columns.items():
        made[name] = _column(texts)
        progress.now(Sentence("putting the cells into columns"), len(made), width)
    cells = pd.DataFrame(made, copy=False)
    nones = {name: _nones(texts) for name, texts in columns.items() if NONES & {*texts}}
    return Sheet(
        cells,
        Lines(np.array(lines, np.intp), (path,), (len(lines),)),
        table.separator,
        nones,
        remarks,
    )


def _all(table: TableReader, stream: BinaryIO) -> tuple[list[Row], list[int]]:
    """All rows of a table, and the line on which each begins."""
    rows: list[Row] = []
    lines: list[int] = []
    size = os.fstat(stream.fileno()).st_size
    while (taken := table.take(BLOCK))[0]:
        rows += taken[0]
        lines += taken[1]
        progress.now(Sentence("reading the rows"), stream.tell(), size)
    return rows, lines


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, tuple[Sentence, ...]]]:
    """Open a table as CSV, a workbook too, with remarks on what of it is read.

    Raises
    ------
    OSError
    TrainingError, NotATable
        If it is neither, or a workbook that cannot be read.
    """
    with path.open("rb") as file, TemporaryFile() as made:
        if refusal := why_no_table(file):
            raise TrainingError(
                Sentence(
                    "{file} is {what:term}, not a table: {remedy:term}", file=path, **refusal.values
                )
            )
        if not is_workbook(file):
            yield file, ()
            return
        report = to_csv(file, cast("BinaryIO", made))
        if report.others:
            remark = Sentence(
                "the sheet {sheet!r} is read; others are not: {others!r}",
                sheet=report.sheet,
                others=report.others,
            )
        else:
            remark = Sentence("the sheet {sheet!r} is read", sheet=report.sheet)
        yield cast("BinaryIO", made), (remark,)


def _nones(texts: Row) -> "pd.Series[str]":
    return pd.Series([text if text in NONES else None for text in texts], dtype="str")


def _column(texts: Row) -> "pd.Series[str]":
    trimmed = map(str.strip, texts)
    present = [None if is_missing(text) else text for text in trimmed]
    return pd.Series(present, dtype="str")
