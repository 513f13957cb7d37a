"""Files with records and with predictions, compressed if their names end in .gz.

The names may be in upper case, too.
"""

import gzip
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple, cast

from serving.errors import NotATable
from serving.formats import workbook
from serving.formats.recognised import HEAD, why_no_table

STANDARD = Path("-")
PACKED = ".gz"
LEVEL = 1  # of compression, which must not take longer than predicting

CSV, JSON_LINES = "text/csv", "application/jsonl"
MEDIA_TYPES = {
    ".csv": CSV,
    ".tsv": CSV,
    ".txt": CSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".json": "application/json",
    **dict.fromkeys(workbook.SUFFIXES, CSV),  # which is made of them
}


class Source(NamedTuple):
    """A stream to read: its `size` in bytes, None if unknown, and the position in it."""

    stream: BinaryIO
    size: int | None
    position: Callable[[], int]


def media_type(path: Path) -> str | None:
    """Return the media type for the name of a file; None if it is unknown."""
    return MEDIA_TYPES.get((path.with_suffix("") if _is_packed(path) else path).suffix.lower())


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == PACKED


@contextmanager
def reading(path: Path) -> Iterator[Source]:
    """Open a file, or the standard input.

    Raises
    ------
    OSError
    """
    if path == STANDARD:
        yield Source(sys.stdin.buffer, None, int)
        return
    is_packed = _is_packed(path)
    with path.open("rb") as file, gzip.open(file) if is_packed else nullcontext(file) as stream:
        yield Source(cast("BinaryIO", stream), os.fstat(file.fileno()).st_size, file.tell)


@contextmanager
def reading_table(path: Path) -> Iterator[tuple[Source, workbook.Report]]:
    """Open a table as CSV, by its content: a workbook too, with what of it is read.

    Raises
    ------
    OSError
    NotATable
        If it is a file of something else, or a workbook that cannot be read.
    """
    with reading(path) as opened, TemporaryFile() as copy, TemporaryFile() as made:
        begins = _beginning(opened.stream)
        if not begins.startswith((workbook.ZIP, workbook.OLE)):
            _require_table(io.BytesIO(begins))
            yield opened, workbook.Report()
            return
        shutil.copyfileobj(opened.stream, copy)
        _require_table(cast("BinaryIO", copy))
        report = workbook.to_csv(copy, made, is_unambiguous=True)
        yield Source(cast("BinaryIO", made), os.fstat(made.fileno()).st_size, made.tell), report


def _beginning(stream: BinaryIO) -> bytes:
    """How a file or a pipe begins, which is read afterwards."""
    if not stream.seekable():
        return cast("io.BufferedReader", stream).peek(HEAD)[:HEAD]
    begins = stream.read(HEAD)
    stream.seek(0)
    return begins


def _require_table(stream: BinaryIO) -> None:
    if reason := why_no_table(stream):
        raise NotATable(reason)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file, or the standard output; the file appears when it is complete.

    Raises
    ------
    OSError
    """
    if path == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            if _is_packed(path):
                with gzip.open(file, "wb", LEVEL) as packing:
                    yield cast("BinaryIO", packing)
            else:
                yield file
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
