"""Workbooks of Excel and LibreOffice (.xlsx, .xlsm, .xlsb, .xls, .ods), read as CSV.

A file of a few cells may declare a sheet of terabytes, so it is read by a process of its own; see
`workbook_process`.
"""

import os
import re
from importlib.util import find_spec
from typing import IO, BinaryIO
from zipfile import BadZipFile, ZipFile

import msgspec

from serving.errors import NotATable
from serving.formats import apart
from serving.sentence import Said, Sentence

OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = (
    OFFICE,  # .xlsx
    "application/vnd.ms-excel",  # .xls; browsers on Windows name CSV like that, too
    "application/vnd.ms-excel.sheet.macroenabled.12",  # .xlsm
    "application/vnd.ms-excel.sheet.binary.macroenabled.12",  # .xlsb
    "application/vnd.oasis.opendocument.spreadsheet",  # .ods
)
SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # how the files begin
PARTS = ("xl/", "content.xml")  # of a zip that is a workbook
BEGINNING = 2**7  # bytes of a file in which OpenDocument names the kind of a document
NO_SPREADSHEET = re.compile(rb"opendocument\.(?!spreadsheet)")
MAX_CSV_BYTES = 2**30
MAX_DIRECTORY = 2**20  # bytes of the directory of a zip; what has a larger one is not looked into
END, END_64, END_BYTES = b"PK\5\6", b"PK\6\7", 22  # where a zip's directory is described
MAX_COMMENT = 2**16  # bytes after it
MISSING = Sentence(
    "workbooks are not read here, as python-calamine is not installed; save the sheet as CSV in "
    "UTF-8, or install requirements.txt"
)
DAMAGED = Sentence(
    "the workbook cannot be read: it is damaged, or a cell far from all others makes it too large; "
    "save the sheet as CSV in UTF-8"
)


class Request(msgspec.Struct, frozen=True):
    """What is to be read: the number of the file's descriptor, and how large its CSV may be.

    `is_unambiguous`: no number has three decimals, which may be thousands to a model's columns.
    """

    descriptor: int
    max_bytes: int
    is_unambiguous: bool = False


class Report(msgspec.Struct, frozen=True):
    """What was read.

    Attributes
    ----------
    refused : Said or None
        Why nothing was; None if something was.
    sheet : str
        The name of the sheet.
    others : tuple of str
        The names of other sheets, which were not read.
    """

    refused: Said | None = None
    sheet: str = ""
    others: tuple[str, ...] = ()


def is_workbook(stream: BinaryIO) -> bool:
    """Whether a file is a workbook, by its content; it is at its beginning again then."""
    stream.seek(0)
    begins = stream.read(BEGINNING)
    found = begins.startswith(OLE)
    if begins.startswith(ZIP) and not NO_SPREADSHEET.search(begins):
        found = any(name.startswith(PARTS) for name in names_in_zip(stream))
    stream.seek(0)
    return found


def names_in_zip(stream: BinaryIO) -> list[str]:
    """List the files in a zip; none if it is damaged, or has far more of them than a document."""
    end = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, end - END_BYTES - MAX_COMMENT))
    tail = stream.read()
    at = tail.rfind(END)
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    if at < 0 or directory > MAX_DIRECTORY or END_64 in tail:
        return []
    try:
        with ZipFile(stream) as packed:
            return packed.namelist()
    except (BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError):
        return []


def is_installed() -> bool:
    """Whether python-calamine can be imported."""
    return find_spec("python_calamine") is not None


def to_csv(
    source: IO[bytes],
    sink: IO[bytes],
    max_bytes: int = MAX_CSV_BYTES,
    *,
    is_unambiguous: bool = False,
) -> Report:
    """Write the first sheet of a workbook as CSV, and go to the beginning of it.

    Cells have commas between them, numbers a decimal point, dates are ISO 8601 and booleans TRUE
    and FALSE, whatever the country of the workbook. A row is on the line of its number, unless a
    cell above it has several lines.

    Parameters
    ----------
    source : file
        With a descriptor.
    is_unambiguous : bool
        Whether 1.234 is written 1.2340, which a model whose numbers have points for thousands
        cannot take for 1234.

    Raises
    ------
    NotATable
        If it is not a workbook that can be read, or its sheet is not a table; or if python-calamine
        is not installed.
    NoRoom
        If there is no room in `sink`.
    """
    if not is_installed():
        raise NotATable(MISSING)
    request = msgspec.json.encode(Request(source.fileno(), max_bytes, is_unambiguous))
    report = msgspec.json.decode(
        apart.convert("serving.formats.workbook_process", request, source, sink, damaged=DAMAGED),
        type=Report,
    )
    if report.refused:
        raise NotATable(Sentence(report.refused.template, **report.refused.values))
    return report
