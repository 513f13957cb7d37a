"""The process that reads one workbook, within limits of memory and of processor time."""

import os
import re
import resource
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from python_calamine import (
    CalamineError,
    CalamineSheet,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from serving.errors import NotATable
from serving.formats import apart
from serving.formats.workbook import OLE, Report, Request
from serving.sentence import Sentence

MAX_MEMORY = 2**31  # bytes of addresses, besides what is loaded
MAX_SECONDS = 60  # of the processor
MAX_MERGED = 2**24  # cells of merged ranges that are filled
HOUR = 3_600  # seconds
WHOLE = 2**53  # numbers below it are whole if they look so
# The part in which Excel keeps a workbook that has a password; and those of sheets before 2007.
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
SHEETS = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))
SHOWN = 60  # characters of a cell in a message
DURATION = re.compile(r"PT([0-9]+)H([0-9]+)M([0-9]+)(?:[.,][0-9]+)?S")  # as LibreOffice has a time
MIDNIGHT = " 00:00:00"
THOUSANDS = re.compile(r"-?[0-9]+\.[0-9]{3}")  # or decimals
SIGNS = re.compile(r'[,;|\t"\r\n]')  # that a cell is quoted for

Row = list[str]


def main() -> None:
    """Read the workbook of the request on the standard input, and write its CSV."""
    reports = apart.reporting()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    _limit()
    try:
        report = convert(request)
    except NotATable as error:
        report = Report(refused=error.args[0].said())
    sys.stdout.buffer.flush()
    reports.write(msgspec.json.encode(report))
    reports.flush()


def convert(request: Request) -> Report:
    """Write the first sheet that has cells as CSV.

    Raises
    ------
    NotATable
    """
    with os.fdopen(request.descriptor, "rb") as file:
        file.seek(0)
        name, sheet, others = _open(file)
        written = 0
        for row in rows(sheet, _unambiguous if request.is_unambiguous else _text):
            line = _line(row)
            written += len(line)
            if written > request.max_bytes:
                raise NotATable(
                    Sentence(
                        "the sheet {sheet!r} is more than {max:,} MB as CSV; send fewer rows or "
                        "columns",
                        sheet=name,
                        max=request.max_bytes >> 20,
                    )
                )
            sys.stdout.buffer.write(line)
    return Report(sheet=name, others=others)


def _open(file: Any) -> tuple[str, CalamineSheet, tuple[str, ...]]:
    """The first visible sheet with cells, and the names of the others that have some."""
    try:
        book = load_workbook(file)
        names = [
            each.name
            for each in book.sheets_metadata
            if each.visible == SheetVisibleEnum.Visible and each.typ == SheetTypeEnum.WorkSheet
        ]
        sheets = ((name, book.get_sheet_by_name(name)) for name in names)
        found = next(((name, sheet) for name, sheet in sheets if sheet.height), None)
    except CalamineError as error:
        old = _of_old_office(file)
        if isinstance(error, PasswordError) or ENCRYPTED in old:
            raise NotATable(
                Sentence(
                    "the workbook is encrypted: save it without a password, or the sheet as CSV "
                    "in UTF-8"
                )
            ) from None
        if old and not any(name in old for name in SHEETS):
            raise NotATable(
                Sentence(
                    "the file is a document of an old Microsoft Office, not a workbook: save the "
                    "table as CSV in UTF-8, or as a workbook (.xlsx)"
                )
            ) from None
        first = str(error).partition("\n")[0]
        raise NotATable(
            Sentence(
                "the workbook cannot be read: {why}; save the sheet as CSV in UTF-8", why=first
            )
        ) from error
    if found is None:
        raise NotATable(
            Sentence("the workbook has no visible sheet with cells; add a table to its first sheet")
        )
    return *found, tuple(name for name in names if name != found[0])


def _of_old_office(file: Any) -> bytes:
    """The content of a file of old Office, which may hold a new workbook; else nothing."""
    file.seek(0)
    content: bytes = file.read()
    return content if content.startswith(OLE) else b""


def rows(sheet: CalamineSheet, text: Callable[[Any], str]) -> Iterator[Row]:
    """Yield the texts of the cells, row by row; every cell of a merged range has its value.

    Parameters
    ----------
    text : callable
        Writes a cell.

    Raises
    ------
    NotATable
        If the first row that has cells does not name the columns.
    """
    first_row, first_column = sheet.start or (0, 0)
    ranges = _merged(sheet)
    header: Row = []
    for number, cells in enumerate(sheet.iter_rows()):
        row = [text(cell) for cell in cells]
        for merged in ranges.get(number, ()):
            at = slice(merged.left - first_column, merged.right - first_column + 1)
            merged.value = row[at.start] if number == merged.top else merged.value
            row[at] = [merged.value] * (at.stop - at.start)
            if number == first_row and at.stop - at.start > 1:
                raise NotATable(_no_names(merged.value, number))
        if number == first_row:
            header = row
        elif header and any(row):
            if len(_filled(header)) == 1 < len(_filled(row)):
                raise NotATable(_no_names(_filled(header)[0], first_row))
            header = []
        yield row


def _filled(row: Row) -> Row:
    return [text for text in row if text.strip()]


def _no_names(text: str, number: int) -> Sentence:
    return Sentence(
        "row {row} has {text!r} over several columns, and no name for each: remove the rows above "
        "the names of the columns",
        row=number + 1,
        text=text[:SHOWN],
    )


class _Merged:
    """A range of cells that are merged, and the text of its first cell once that is read."""

    def __init__(self, top: int, left: int, right: int) -> None:
        self.top, self.left, self.right, self.value = top, left, right, ""


def _merged(sheet: CalamineSheet) -> dict[int, list[_Merged]]:
    """The merged ranges by each row of them; none beyond the cells, or if they are too many."""
    found: dict[int, list[_Merged]] = {}
    (first, left), (last, right) = sheet.start or (0, 0), sheet.end or (0, 0)
    cells = 0
    for (top, start), (bottom, end) in sheet.merged_cell_ranges or ():
        if not (first <= top <= last and left <= start <= right):
            continue
        bottom, end = min(bottom, last), min(end, right)  # noqa: PLW2901 - within the cells
        cells += (bottom - top + 1) * (end - start + 1)
        if cells > MAX_MERGED:
            return {}
        merged = _Merged(top, start, end)
        for row in range(top, bottom + 1):
            found.setdefault(row, []).append(merged)
    return found


def _text(cell: Any) -> str:
    """A cell as a text of CSV.

    >>> [_text(cell) for cell in (5.0, 0.05, True, date(2024, 7, 31), timedelta(hours=30))]
    ['5', '0.05', 'TRUE', '2024-07-31', '30:00:00']
    >>> _text("PT08H30M00S")
    '08:30:00'
    """
    match cell:
        case bool():
            return str(cell).upper()
        case float() if cell.is_integer() and abs(cell) < WHOLE:
            return str(int(cell))
        case datetime():
            return cell.isoformat(sep=" ").removesuffix(MIDNIGHT)
        case date() | time():
            return cell.isoformat()
        case timedelta():
            seconds = round(cell.total_seconds())
            sign, seconds = "-" * (seconds < 0), abs(seconds)
            return f"{sign}{seconds // HOUR}:{seconds % HOUR // 60:02}:{seconds % 60:02}"
    text = str(cell)
    duration = DURATION.fullmatch(text)
    return ":".join(each.zfill(2) for each in duration.groups()) if duration else text


def _unambiguous(cell: Any) -> str:
    """A cell as a text that has no three decimals, if it is a number.

    >>> _unambiguous(0.996), _unambiguous(0.5), _unambiguous("1.234")
    ('0.9960', '0.5', '1.234')
    """
    text = _text(cell)
    return f"{text}0" if isinstance(cell, float) and THOUSANDS.fullmatch(text) else text


def _line(row: Row) -> bytes:
    """A row as a line of CSV, in which no other sign could be the one between cells."""
    if not any(row):
        return b"\n"  # which readers of CSV pass over, but count
    return (",".join(map(_quoted, row)) + "\n").encode("utf-8", "replace")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if SIGNS.search(text) else text


def _limit() -> None:
    """Limit what the process may take from here on; the libraries are loaded by now."""
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


if __name__ == "__main__":
    main()
