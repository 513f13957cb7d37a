"""Files with records and with predictions, compressed if their names end in .gz."""

import gzip
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

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
}


class Source(NamedTuple):
    """A stream to read: its `size` in bytes, None if unknown, and the position in it."""

    stream: BinaryIO
    size: int | None
    position: Callable[[], int]


def media_type(path: Path) -> str | None:
    """Return the media type for the name of a file; None if it is unknown."""
    return MEDIA_TYPES.get((path.with_suffix("") if path.suffix == PACKED else path).suffix.lower())


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
    is_packed = path.suffix == PACKED
    with path.open("rb") as file, gzip.open(file) if is_packed else nullcontext(file) as stream:
        yield Source(cast("BinaryIO", stream), os.fstat(file.fileno()).st_size, file.tell)


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
            if path.suffix == PACKED:
                with gzip.open(file, "wb", LEVEL) as packing:
                    yield cast("BinaryIO", packing)
            else:
                yield file
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
