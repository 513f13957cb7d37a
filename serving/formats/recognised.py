"""What a file is that is not a table: by how it begins, whatever its name is."""

import codecs
import re
from typing import BinaryIO

from serving.formats.workbook import OLE, ZIP, is_workbook, names_in_zip
from serving.sentence import Sentence

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
    b"PAR1\x15": ("a file of Parquet", "save the table as CSV"),
    b"ARROW1\0": ("a file of Arrow", "save the table as CSV"),
    b"SQLite format 3": ("a database of SQLite", "export the table as CSV"),
    b"\x89HDF": ("a file of HDF5", "save the table as CSV"),
    b"\x93NUMPY": ("an array of NumPy", "save the table as CSV"),
    b"\x7fELF": ("a program", REMEDY),
    b"MZ\x90\0": ("a program", REMEDY),
    b"{\\rtf": ("a document (RTF)", REMEDY),
}
BINARY = ("binary", REMEDY)
DAMAGED_ZIP = ("a damaged zip archive or workbook", REMEDY)
DOCUMENTS = {  # by their parts
    "word/": "a Word document",
    "ppt/": "a PowerPoint presentation",
    "content.xml": "a document of LibreOffice",
    "Index/": "a document of Apple's Numbers, Pages or Keynote",
}
PATTERNS = {
    re.compile(rb"\x80[\x02-\x05]"): (
        "a pickle of Python",
        "save the table as CSV; `adega train import` reads models",
    ),
    re.compile(rb"\s*<(?:!doctype|!--|(?:html|head|meta|style|body|div|table)\b)", re.IGNORECASE): (
        "a web page (HTML)",
        "download the table itself, as CSV",
    ),
    re.compile(rb"\s*<\?xml"): ("XML", REMEDY),
    re.compile(rb'\s*(?:\{\s*["}]|\[\s*["{[\]0-9])'): (
        "JSON",
        "save its records as CSV, with a line of column names",
    ),
    **{re.compile(re.escape(begins)): kind for begins, kind in KINDS.items()},
}


def why_no_table(stream: BinaryIO) -> Sentence | None:
    """Why a file cannot be a table, and what to do; None if it may be text or a workbook.

    It is at its beginning again then.
    """
    stream.seek(0)
    head = stream.read(HEAD)
    stream.seek(0)
    what, remedy = _kind(_as_utf8(head), stream)
    if not what:
        return None
    return Sentence("the file is {what:term}, not a table: {remedy:term}", what=what, remedy=remedy)


def _kind(head: bytes, stream: BinaryIO) -> tuple[str, str]:
    if head.startswith((ZIP, OLE)) and is_workbook(stream):
        return "", ""
    if head.startswith(ZIP):
        return _of_zip(stream)
    if known := next((kind for pattern, kind in PATTERNS.items() if pattern.match(head)), None):
        return known
    return BINARY if b"\0" in head else ("", "")


def _as_utf8(head: bytes) -> bytes:
    """How a text begins in UTF-8, without a byte order mark."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "ignore").encode()
    return head.removeprefix(codecs.BOM_UTF8)


def _of_zip(stream: BinaryIO) -> tuple[str, str]:
    names = names_in_zip(stream)
    stream.seek(0)
    if not names:
        return DAMAGED_ZIP
    for begins, what in DOCUMENTS.items():
        if any(name.startswith(begins) for name in names):
            return what, REMEDY
    return KINDS[ZIP]
