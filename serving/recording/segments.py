"""The files of the journal: one process appends to a segment, the others only read it."""

import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from serving import clock
from serving.recording.entry import Entry, Line

log = logging.getLogger(__name__)

SUFFIX = ".jsonl"
CHUNK_BYTES = 2**19
BLANK = b" " * 4095 + b"\n"  # as large as a usual line; readers skip it
flush_to_disk = getattr(os, "fdatasync", os.fsync)  # macOS has fsync only


class Place(NamedTuple):
    """Where a line of the journal ends: the name of its file, and the bytes up to there."""

    segment: str
    end: int


class Segment:
    """A new file, to which this process alone appends.

    It is locked while it is open, so readers know when no line will follow.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        links = 0
        while not links:  # a collector may have removed it before it was locked
            self.name = f"{time.time_ns():019d}{_ending(os.getpid())}"
            self.file = (folder / self.name).open("xb", buffering=0)
            fcntl.flock(self.file, fcntl.LOCK_SH)
            links = os.fstat(self.file.fileno()).st_nlink
            if not links:
                self.file.close()
        self.size, self._torn = 0, False

    def write(self, line: bytes | bytearray, *, sync: bool) -> None:
        """Append a line in one write.

        Raises
        ------
        OSError
            Also if only a part of it was written.
        """
        # A part that was written to a full disk becomes a line of its own and spoils no other.
        line = b"\n" + line if self._torn else line
        self._torn = True
        written = os.write(self.file.fileno(), line)
        self.size += written
        if written < len(line):
            raise OSError(f"only {written} of {len(line)} bytes were written")
        if sync:
            flush_to_disk(self.file.fileno())
        self._torn = False


class Chunk(NamedTuple):
    """Some lines of a segment: their entries, where they end, and how many were unreadable."""

    entries: list[Entry]
    end: int
    torn: int
    lines: int


def list_segments(folder: Path) -> list[Path]:
    """Return the segments of a folder, oldest first.

    Raises
    ------
    OSError
        If the folder exists and cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    except FileNotFoundError:  # nothing has been recorded yet
        return []
    # The journal has no folders, and no names that a database would reject.
    return sorted(path for path in found if path.name.isprintable() and path.is_file())


def sizes(folder: Path) -> dict[str, int]:
    """Return the size of each segment, by the name of its file; faster than `list_segments`.

    Raises
    ------
    OSError
    """
    with os.scandir(folder) as found:
        return {
            each.name: each.stat().st_size
            for each in found
            if each.name.endswith(SUFFIX) and each.name.isprintable() and each.is_file()
        }


def created(path: Path) -> int:
    """Return when a segment was created, in milliseconds since 1970, UTC; by its name."""
    time_, _, _ = path.name.partition("-")
    return int(time_) // 1_000_000 if time_.isdecimal() else clock.now()


def of_process(folder: Path, pid: int) -> list[Path]:
    """Return the segments of a process of this host."""
    ending = _ending(pid)
    return [path for path in list_segments(folder) if path.name.endswith(ending)]


def is_closed(segment: BinaryIO) -> bool:
    """Whether no process writes to a segment any more; then none will."""
    try:
        fcntl.flock(segment, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def blank(path: Path, end: int) -> None:
    """Overwrite a segment up to the end of a line, while its process goes on appending to it.

    Raises
    ------
    OSError
    """
    whole, rest = divmod(end, len(BLANK))
    with path.open("r+b") as segment:
        for _ in range(whole):
            segment.write(BLANK)
        segment.write(BLANK[-rest:] if rest else b"")
        segment.flush()
        flush_to_disk(segment.fileno())


def remove_expired(folder: Path, days: int) -> None:
    """Remove segments that are older than some days, even if they were never moved; 0 keeps them.

    Raises
    ------
    OSError
    """
    for path in list_segments(folder) if days else ():
        with path.open("rb") as segment:
            last = os.fstat(segment.fileno()).st_mtime_ns // 1_000_000
            if last < clock.now() - days * clock.DAY and is_closed(segment):
                log.error(
                    "%s is older than RETENTION_DAYS: removed, though it was never moved", path
                )
                path.unlink()


def read_chunks(segment: BinaryIO, position: int = 0, containing: bytes = b"") -> Iterator[Chunk]:
    """Read the complete lines of a segment, in chunks of about `CHUNK_BYTES`.

    Stop before an incomplete line: it is torn, or still being written, as a reader does not see a
    write all at once.

    Parameters
    ----------
    position : int
        Where to start.
    containing : bytes
        Skip lines without them.
    """
    segment.seek(position)
    complete = True
    while complete and (found := segment.readlines(CHUNK_BYTES)):
        # Not only the last line may be incomplete: others may be written while these are read.
        lines = list(takewhile(_is_complete, found))
        complete = len(lines) == len(found)
        entries, torn = [], 0
        for line in lines:
            position += len(line)
            if containing not in line:
                continue
            try:
                entries.append(_decode(line.decode()))  # all of it: Raw values are not validated
            except (msgspec.DecodeError, UnicodeDecodeError):
                torn += not line.isspace()
        yield Chunk(entries, position, torn, len(lines))


def _ending(pid: int) -> str:
    return f"-{socket.gethostname()}-{pid}{SUFFIX}"


def _is_complete(line: bytes) -> bool:
    return line.endswith(b"\n")


_decode = msgspec.json.Decoder(Line).decode
