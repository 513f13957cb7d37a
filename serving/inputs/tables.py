"""Reads CSV (RFC 4180) as programs and spreadsheets write it, to names and cells.

Training and serving both read tables here, so the file that trained a model can be sent to it.
"""

import csv
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from typing import BinaryIO
from unicodedata import normalize

import msgspec

from serving.errors import NotATable
from serving.inputs.headers import (
    MARK,
    SEPARATORS,
    Row,
    declared_separator,
    find_separator,
    make_reader,
    names,
)
from serving.inputs.lines import MAX_BYTES, Lines

SAMPLE = 100  # lines from which the separator is found

csv.field_size_limit(sys.maxsize)  # `Lines` limits the record; a cell may be as long as that


class Table(msgspec.Struct, frozen=True, omit_defaults=True):
    """The format of the file that a model was trained on, as its manifest records it.

    Attributes
    ----------
    separator : str
        The character between cells.
    columns : tuple of str
        The names of all its columns, with the target and those that were left out.
    """

    separator: str = ","
    columns: tuple[str, ...] = ()


class TableReader:
    """Reads the cells of a table row by row; `names` are those of its columns.

    The text is UTF-8, with or without a byte order mark, or UTF-16 with one; if the first line that
    is not ASCII is not UTF-8 either, it is Windows-1252. Spaces after a separator are ignored, as
    are empty lines, and rows of empty cells at the end. Empty cells beyond the last column are
    dropped.

    Parameters
    ----------
    stream : file
        Of bytes, read from its position; it stays open.
    known : collection of str
        Names of fields, by which the separator is found; without them the first lines decide.
    separator : str
        The most likely one.
    max_bytes : int
        How many bytes a row may have.

    Attributes
    ----------
    is_marked : bool
        Whether the text begins with a byte order mark.
    repeated : dict of str to str
        By a name that was made unique, `x.1`, the name in the header, `x`.

    Raises
    ------
    NotATable
        If there is no line of names; from `take` too, with the line.
    """

    def __init__(
        self,
        stream: BinaryIO,
        known: Collection[str] = (),
        separator: str = SEPARATORS[0],
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._lines = Lines(stream, max_bytes)
        texts = _decode(self._lines)
        begun: list[str] = []
        declared = ""
        try:
            begun.extend(_until_filled(texts))
            if declared := declared_separator(begun):
                begun[-1] = "\n"
                begun.extend(_until_filled(texts))
            if not known:
                begun.extend(islice(texts, SAMPLE))
        except (NotATable, UnicodeDecodeError) as error:
            raise _at(len(begun) + 1, error) from None
        self.is_marked = bool(begun) and begun[0].startswith(MARK)
        begun[:1] = [each.removeprefix(MARK) for each in begun[:1]]
        self.separator = declared or find_separator(begun, known, separator)
        # The empty line at the end becomes part of a cell whose quote is not closed.
        self._reader = make_reader(chain(begun, texts, ["\n"]), self.separator)
        self._held: list[tuple[int, Row]] = []
        self.names: tuple[str, ...] = ()
        header, _ = self.take(1)
        if not header:
            raise NotATable("the text is empty; name the fields in its first line")
        self.names = names(header[0])
        plain = [normalize("NFC", name.strip()) for name in header[0]]
        self.repeated = {
            name: own for name, own in zip(self.names, plain, strict=True) if own not in ("", name)
        }

    def take(self, max_rows: int, max_bytes: int = sys.maxsize) -> tuple[list[Row], list[int]]:
        """Return the next rows, and the line on which each begins.

        Parameters
        ----------
        max_bytes : int
            Reading ends with the row that reaches this size.
        """
        taken: list[tuple[int, Row]] = []
        line, read = self._reader.line_num + 1, 0
        width = len(self.names) or sys.maxsize
        row: Row | None = None
        began = line
        try:
            for row in self._reader:
                began = line
                read += self._lines.taken
                self._lines.taken = 0
                if len(row) > width and not any(map(str.strip, row[width:])):
                    row = row[:width]  # noqa: PLW2901 - the last row is needed after the loop
                if len(row) > 1 or (row and row[0].strip()):
                    if any(row):
                        if self._held:  # rows of empty cells were not at the end
                            taken += self._held
                            self._held = []
                        taken.append((line, row))
                    else:
                        self._held.append((line, row))
                line = self._reader.line_num + 1
                if len(taken) >= max_rows or (taken and read >= max_bytes):
                    break
            else:
                if row:
                    line = began
                    raise csv.Error("a quote is opened and not closed; close it, or write it twice")  # noqa: TRY301
        except (csv.Error, NotATable, UnicodeDecodeError) as error:
            raise _at(line, error) from None
        return [row for _, row in taken], [line for line, _ in taken]


_RETURNED = re.compile(r"[^\r]*\r\n?|[^\r]+")


def _at(line: int, error: Exception) -> NotATable:
    reason = str(error)
    if isinstance(error, UnicodeDecodeError):
        reason = "is not UTF-8, unlike the lines before it; save the file as CSV in UTF-8"
    return NotATable(f"line {line}{' ' if reason.startswith('is ') else ': '}{reason}")


def _decode(lines: Iterable[bytes]) -> Iterator[str]:
    """Decode lines, and split those that end in a carriage return only."""
    is_western, is_plain = False, True
    for line in lines:
        try:
            text = _western(line) if is_western else line.decode()
        except UnicodeDecodeError:
            if not is_plain:
                raise
            is_western, text = True, _western(line)
        is_plain = is_plain and text.isascii()
        if "\0" in text:
            raise NotATable("is not text: it has a zero byte; save the file as CSV in UTF-8")
        if "\r" in text and "\r" in text[:-2]:
            yield from _RETURNED.findall(text)
        else:
            yield text


def _western(line: bytes) -> str:
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _until_filled(texts: Iterator[str]) -> Iterator[str]:
    """Return lines up to the first that is not empty."""
    for text in texts:
        yield text
        if text.strip(MARK + " \r\n"):
            return
