"""Reads CSV (RFC 4180) as programs and spreadsheets write it, to names and cells.

Training and serving both read tables here, so the file that trained a model can be sent to it.
"""

import csv
import re
import sys
from collections import deque
from collections.abc import Collection, Iterator
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
    fitting_separator,
    make_reader,
    names,
)
from serving.inputs.lines import MAX_BYTES, PIECE, Lines
from serving.sentence import Sentence

SAMPLE = 100  # lines from which the separator is found
ZERO_BYTE = "a zero byte"
NOT_CLOSED = Sentence("a quote is opened and not closed; close it, or write it twice")

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
    given : tuple of str
        The names of its columns, if no line of the text has them.

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
        given: tuple[str, ...] = (),
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
        self.separator = declared or (
            fitting_separator(begun, len(given))
            if given
            else find_separator(begun, known, separator)
        )
        self._is_over = False
        self._reader = make_reader(chain(begun, texts, self._last_line()), self.separator)
        self._begun = len(begun)
        self._held: list[tuple[int, Row]] = []
        self._ready: deque[Row] = deque()  # of lines that are records, with nothing unusual
        self._lines_of_blocks = 0
        self.names = given
        self.repeated: dict[str, str] = {}
        if not given:
            self._take_names()

    def _take_names(self) -> None:
        header, _ = self.take(1)
        if not header:
            raise NotATable(Sentence("the text is empty; name the fields in its first line"))
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
        plain = self._take_plain(max_rows, max_bytes)
        return plain if plain[0] else self._take_each(max_rows, max_bytes)

    def _take_each(self, max_rows: int, max_bytes: int) -> tuple[list[Row], list[int]]:
        """Take rows one by one, whatever they contain."""
        taken: list[tuple[int, Row]] = []
        line, read = self._line(), 0
        width = len(self.names) or sys.maxsize
        try:
            for row in self._reader:
                if row and self._is_over:
                    raise csv.Error(NOT_CLOSED)  # noqa: TRY301
                read += self._lines.taken
                self._lines.taken = 0
                if len(row) > width and not any(map(str.strip, row[width:])):
                    row = row[:width]  # noqa: PLW2901
                if len(row) > 1 or (row and row[0].strip()):
                    if any(row):
                        if self._held:  # rows of empty cells were not at the end
                            taken += self._held
                            self._held = []
                        taken.append((line, row))
                    else:
                        self._held.append((line, row))
                line = self._line()
                if len(taken) >= max_rows or (taken and read >= max_bytes):
                    break
        except (csv.Error, NotATable, UnicodeDecodeError) as error:
            raise _at(line, error) from None
        return [row for _, row in taken], [line for line, _ in taken]

    def _take_plain(self, max_rows: int, max_bytes: int) -> tuple[list[Row], list[int]]:
        """Take rows from blocks of usual lines; none if the next one has anything unusual."""
        rows: list[Row] = []
        first = self._line() - len(self._ready)
        while len(rows) < max_rows and max_bytes > 0 and self._has_ready():
            count = min(max_rows - len(rows), len(self._ready))
            rows += [self._ready.popleft() for _ in range(count)]
            max_bytes -= PIECE
        return rows, [*range(first, first + len(rows))]

    def _last_line(self) -> Iterator[str]:
        """An empty line, which becomes part of a cell whose quote is not closed."""
        self._is_over = True
        yield "\n"

    def _line(self) -> int:
        """The line after those that were read."""
        return self._reader.line_num + self._lines_of_blocks + 1

    def _has_ready(self) -> bool:
        """Whether rows are ready; where each record is a line, many are read at once."""
        if self._ready:
            return True
        is_between = self._reader.line_num >= self._begun and self.names and not self._held
        lines = self._lines.plain_block() if is_between else None
        if not lines:
            return False
        rows = [*make_reader(lines, self.separator)]
        if {*map(len, rows)} != {len(self.names)} or not all(map(any, rows)):
            self._lines.put_back(lines)
            return False
        self._ready.extend(rows)
        self._lines_of_blocks += len(lines)
        return True


_RETURNED = re.compile(r"[^\r]*\r\n?|[^\r]+")


def _at(line: int, error: Exception) -> NotATable:
    if isinstance(error, UnicodeDecodeError):
        return NotATable(
            Sentence(
                "line {line} is not UTF-8, unlike the lines before it; save the file as CSV in "
                "UTF-8",
                line=line,
            )
        )
    if error.args[0] == ZERO_BYTE:
        return NotATable(
            Sentence(
                "line {line} is not text: it has a zero byte; save the file as CSV in UTF-8",
                line=line,
            )
        )
    return NotATable(Sentence("line {line}: {why}", line=line, why=error.args[0]))


def _decode(lines: Lines) -> Iterator[str]:
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
            raise NotATable(ZERO_BYTE)
        if "\r" in text and "\r" in text[:-2]:
            lines.has_blocks = False
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
