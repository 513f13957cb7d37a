"""What a file is that is not a table: by how it begins, whatever its name is."""

import re
from typing import BinaryIO

from serving.formats.workbook import OLE, ZIP, is_workbook, names_in_zip

HEAD = 2**9  # bytes by which a file is recognised
REMEDY = "save the table as CSV in UTF-8, or as a workbook (.xlsx)"
UNPACK = "unpack it, and send the table that is in it"
KINDS = {
    b"\x89PNG": ("a picture (PNG)", REMEDY),
    b"\xff\xd8\xff": ("a picture (JPEG)", REMEDY),
    b"GIF89a": ("a picture (GIF)", REMEDY),
    b"%PDF-": ("a PDF", REMEDY),
    b"\x1f\x8b": ("compressed by gzip", UNPACK),
    b"BZh91AY&SY": ("compressed by bzip2", UNPACK),
    b"\xfd7zXZ": ("compressed by xz", UNPACK),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", UNPACK),
    b"Rar!\x1a": ("a RAR archive", UNPACK),
    ZIP: ("a zip archive", UNPACK),
    OLE: ("a document of an old Microsoft Office", REMEDY),
    b"PAR1\x15": ("a file of Parquet", "save the table as CSV"),
    b"ARROW1\0": ("a file of Arrow", "save the table as CSV"),
    b"SQLite format 3": ("a database of SQLite", "export the table as CSV"),
    b"\x89HDF": ("a file of HDF5", "save the table as CSV"),
    b"\x93NUMPY": ("an array of NumPy", "save the table as CSV"),
    b"\x7fELF": ("a program", REMEDY),
    b"MZ\x90\0": ("a program", REMEDY),
    b"{\\rtf": ("a document (RTF)", REMEDY),
}
DOCUMENTS = {"word/": "a Word document", "ppt/": "a PowerPoint presentation"}  # by their parts
PATTERNS = {
    re.compile(rb"\x80[\x02-\x05]"): (
        "a pickle of Python",
        "save the table as CSV; `adega train import` reads models",
    ),
    re.compile(rb"\s*<(?:!doctype\s+html|html\b)", re.IGNORECASE): (
        "a web page (HTML)",
        "download the table itself, as CSV",
    ),
    re.compile(rb"\s*<\?xml"): ("XML", REMEDY),
    re.compile(rb'\s*(?:\{\s*"|\[\s*(?:\{|\[))'): (
        "JSON",
        "save its records as CSV, with a line of column names",
    ),
    **{re.compile(re.escape(begins)): kind for begins, kind in KINDS.items()},
}


def why_no_table(stream: BinaryIO) -> str:
    """Why a file cannot be a table, and what to do; empty if it may be text or a workbook.

    It is at its beginning again then.
    """
    stream.seek(0)
    head = stream.read(HEAD)
    stream.seek(0)
    what, remedy = _kind(head.removeprefix(b"\xef\xbb\xbf"), stream)
    return f"the file is {what}, not a table: {remedy}" if what else ""


def _kind(head: bytes, stream: BinaryIO) -> tuple[str, str]:
    if head.startswith((ZIP, OLE)) and is_workbook(stream):
        return "", ""
    if head.startswith(ZIP):
        return _of_zip(stream)
    if known := next((kind for pattern, kind in PATTERNS.items() if pattern.match(head)), None):
        return known
    is_text = b"\0" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff"))  # or UTF-16
    return ("", "") if is_text else ("binary", REMEDY)


def _of_zip(stream: BinaryIO) -> tuple[str, str]:
    names = names_in_zip(stream)
    stream.seek(0)
    if not names:
        return "a damaged zip archive or workbook", REMEDY
    for begins, what in DOCUMENTS.items():
        if any(name.startswith(begins) for name in names):
            return what, REMEDY
    return KINDS[ZIP]
