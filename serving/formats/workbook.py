"""Workbooks of Excel and LibreOffice (.xlsx, .xlsm, .xlsb, .xls, .ods), read as CSV.

A file of a few cells may declare a sheet of terabytes, so it is read by a process of its own; see
`workbook_process`.
"""

from typing import IO, BinaryIO
from zipfile import BadZipFile, ZipFile

import msgspec

from serving.errors import NotATable
from serving.formats import apart

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # how the files begin
PARTS = ("xl/", "content.xml")  # of a zip that is a workbook
MAX_CSV_BYTES = 2**30
DAMAGED = (
    "the workbook cannot be read: it is damaged, or a cell far from all others makes it too large; "
    "save the sheet as CSV in UTF-8"
)


class Request(msgspec.Struct, frozen=True):
    """What is to be read: the number of the file's descriptor, and how large its CSV may be."""

    descriptor: int
    max_bytes: int


class Report(msgspec.Struct, frozen=True):
    """What was read.

    Attributes
    ----------
    refused : str
        Why nothing was; empty if something was.
    sheet : str
        The name of the sheet.
    others : tuple of str
        The names of other sheets, which were not read.
    """

    refused: str = ""
    sheet: str = ""
    others: tuple[str, ...] = ()


def is_workbook(stream: BinaryIO) -> bool:
    """Whether a file is a workbook, by its content; it is at its beginning again then."""
    stream.seek(0)
    begins = stream.read(len(OLE))
    found = begins == OLE
    if begins.startswith(ZIP):
        try:
            with ZipFile(stream) as packed:
                found = any(name.startswith(PARTS) for name in packed.namelist())
        except (BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError):
            found = False
    stream.seek(0)
    return found


def to_csv(source: IO[bytes], sink: IO[bytes], max_bytes: int = MAX_CSV_BYTES) -> Report:
    """Write the first sheet of a workbook as CSV, and go to the beginning of it.

    Cells have commas between them, numbers a decimal point, dates are ISO 8601 and booleans TRUE
    and FALSE, whatever the country of the workbook. A row is on the line of its number, unless a
    cell above it has several lines.

    Parameters
    ----------
    source : file
        With a descriptor.

    Raises
    ------
    NotATable
        If it is not a workbook that can be read, or its sheet is not a table.
    NoRoom
        If there is no room in `sink`.
    """
    request = msgspec.json.encode(Request(source.fileno(), max_bytes))
    report = msgspec.json.decode(
        apart.convert("serving.formats.workbook_process", request, source, sink, damaged=DAMAGED),
        type=Report,
    )
    if report.refused:
        raise NotATable(report.refused)
    return report
