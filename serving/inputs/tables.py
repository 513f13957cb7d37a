"""Tables as text: CSV (RFC 4180) as programs and spreadsheets write it, to names and cells.

Training and serving read a table here, so what trained a model can be sent to it.
"""

import codecs
import csv
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO
from unicodedata import normalize

import msgspec

from serving.errors import NotATable
from serving.inputs.lines import LONGEST, Lines

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = ",;\t|"
LINES_TO_JUDGE_BY = 100

Row = Sequence[str]

csv.field_size_limit(sys.maxsize)  # `Lines` bounds the record; a cell may be as long as that


class Table(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model's manifest says of the file that it was trained on.

    Attributes
    ----------
    separator : str
        What stands between its cells.
    columns : tuple of str
        The names of all its columns, the target and what was left out among them.
    """

    separator: str = ","
    columns: tuple[str, ...] = ()


class TableReader:
    """The cells of a table, row by row; `names` are those of its columns.

    The text is UTF-8, with or without a byte order mark; UTF-16 with one; or, where the first line
    that is not ASCII is not UTF-8 either, Windows-1252. Spaces after a separator do not count, nor
    do lines that are empty, nor rows at the end in which all cells are. Cells beyond the last
    column are left out where they are empty.

    Parameters
    ----------
    stream : file
        Of bytes, read from where it stands; it stays open.
    known : collection of str
        Names of which some are to be among the columns. Without them the first lines decide what
        stands between cells: what splits most of them alike.
    separator : str
        The likeliest one.
    longest : int
        How many bytes a row may have.

    Attributes
    ----------
    is_marked : bool
        Whether a byte order mark came first.
    repeated : dict of str to str
        By the names that are made, `x.1`, those that stand there, `x`.

    Raises
    ------
    NotATable
        If there is not even a line of names; from `take` too, with the line.
    """

    def __init__(
        self,
        stream: BinaryIO,
        known: Collection[str] = (),
        separator: str = SEPARATORS[0],
        longest: int = LONGEST,
    ) -> None:
        self._lines = Lines(stream, longest)
        texts = _decoded(self._lines)
        begun: list[str] = []
        told = ""
        try:
            begun.extend(_until_filled(texts))
            if told := _separator_told(begun):
                begun[-1] = "\n"
                begun.extend(_until_filled(texts))
            if not known:
                begun.extend(islice(texts, LINES_TO_JUDGE_BY))
        except (NotATable, UnicodeDecodeError) as error:
            raise _at(len(begun) + 1, error) from None
        self.is_marked = bool(begun) and begun[0].startswith(_MARK)
        begun[:1] = [each.removeprefix(_MARK) for each in begun[:1]]
        self.separator = told or (
            _named_by(begun, known, separator) if known else _splitting_alike(begun)
        )
        # A quote that is left open swallows the empty line at the end.
        self._reader = _reader(chain(begun, texts, ["\n"]), self.separator)
        self._held: list[tuple[int, Row]] = []
        self.names: tuple[str, ...] = ()
        header, _ = self.take(1)
        if not header:
            raise NotATable("the text is empty; its first line is to name the fields")
        self.names = names(header[0])
        plain = [normalize("NFC", name.strip()) for name in header[0]]
        self.repeated = {
            name: own for name, own in zip(self.names, plain, strict=True) if own not in ("", name)
        }

    def take(self, most: int, size: int = sys.maxsize) -> tuple[list[Row], list[int]]:
        """The next rows, with the line on which each begins.

        Parameters
        ----------
        most : int
            How many rows at most.
        size : int
            Of how many bytes at most, but for the last one.
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
                    row = row[:width]  # noqa: PLW2901 - the last line needs to know the row
                if len(row) > 1 or (row and row[0].strip()):
                    if any(row):
                        if self._held:  # rows without a value were not the last ones
                            taken += self._held
                            self._held = []
                        taken.append((line, row))
                    else:
                        self._held.append((line, row))
                line = self._reader.line_num + 1
                if len(taken) >= most or (taken and read >= size):
                    break
            else:
                if row:
                    line = began
                    raise csv.Error("a quote is opened and not closed")  # noqa: TRY301
        except (csv.Error, NotATable, UnicodeDecodeError) as error:
            raise _at(line, error) from None
        return [row for _, row in taken], [line for line, _ in taken]


def names(header: Row) -> tuple[str, ...]:
    """The names of columns as pandas has them: one given twice becomes `x.1`, none `Unnamed: 3`."""
    plain = [normalize("NFC", name.strip()) for name in header]
    used = {*plain}
    given: dict[str, None] = {}
    for at, name in enumerate(plain):
        unique, times = name or f"Unnamed: {at}", 0
        while unique in given or (times and unique in used):
            times += 1
            unique = f"{name or f'Unnamed: {at}'}.{times}"
        given[unique] = None
    return tuple(given)


_MARK = codecs.BOM_UTF8.decode()
_SEPARATOR_TOLD = re.compile(rf'{_MARK}?"?sep=([{SEPARATORS}])"?[\s{SEPARATORS}]*\Z', re.IGNORECASE)
_RETURNED = re.compile(r"[^\r]*\r\n?|[^\r]+")


def _at(line: int, error: Exception) -> NotATable:
    reason = str(error)
    if isinstance(error, UnicodeDecodeError):
        reason = "is not UTF-8, as lines before it are; save the file as CSV in UTF-8"
    return NotATable(f"line {line}{' ' if reason.startswith('is ') else ': '}{reason}")


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    """The text of lines; those that end in a carriage return alone come one by one too."""
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
            raise NotATable("is no text: it has a zero byte; save the file as CSV in UTF-8")
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
    """The empty lines before the first that is not, and that one."""
    for text in texts:
        yield text
        if text.strip(_MARK + " \r\n"):
            return


def _separator_told(begun: Sequence[str]) -> str:
    """The separator that a first line for spreadsheets tells, `sep=;`; nothing if it is none."""
    found = _SEPARATOR_TOLD.match(begun[-1]) if begun else None
    return found[1] if found else ""


def _reader(texts: Iterable[str], separator: str) -> "Reader":
    return csv.reader(texts, delimiter=separator, skipinitialspace=True)


def _named_by(lines: Sequence[str], known: Collection[str], likeliest: str) -> str:
    """The separator by which the first line names most of what is known."""

    def named(separator: str) -> tuple[int, bool]:
        try:
            header: Row = next(filter(None, _reader(lines, separator)), [])
        except csv.Error:  # which is told when the line is read
            return 0, False
        return sum(name in known for name in names(header)), separator == likeliest

    return max(SEPARATORS, key=named)


def _splitting_alike(lines: Sequence[str]) -> str:
    """The separator by which most lines have as many cells as the first, and several."""

    def fit(separator: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in _reader(lines, separator) if row]
        except csv.Error:  # which is told when the line is read
            return 0, 0
        several = bool(widths) and widths[0] > 1
        return (widths.count(widths[0]) / len(widths), widths[0]) if several else (0, 0)

    return max(SEPARATORS, key=fit)
