"""The journal: append-only files that hold every answer before it goes out.

Each process appends to a *segment* of its own, one JSON line and one write for a request. What is
written survives the process, however that ends; a collector moves it into the store, and removes a
segment that is there to its last line and that nobody writes to.
"""

import fcntl
import logging
import mmap
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from serving.errors import JournalError, without_path
from serving.recording.entry import Entry, Line

log = logging.getLogger(__name__)

SUFFIX = ".jsonl"
SEGMENT_BYTES = 64 * 2**20
SEGMENT_SECONDS = 600
STRETCH = 2**19
MOST_PROCESSES = 1024
PREDICTION = b'{"kind":"prediction",'  # how such a line begins
to_disk = getattr(os, "fdatasync", os.fsync)  # macOS has fsync alone
BLANK = b" " * 4095 + b"\n"  # as large as a usual line; skipped when read


class Journal:
    """What one process appends to, from any of its threads.

    Made before a fork, it is shared so far that every process knows how many predictions all have
    lost; each opens a segment of its own.

    Parameters
    ----------
    folder : Path
        Made when it is first needed.
    sync : bool
        Whether to wait until the disk itself has each line: power may then fail.
    """

    def __init__(self, folder: Path, *, sync: bool) -> None:
        self.folder, self.sync = folder, sync
        self.reason = ""
        self._lock = threading.Lock()
        self._line = bytearray()  # one, made anew each time, stays in the processor's cache
        self._segment: Segment | None = None
        self._lost = memoryview(mmap.mmap(-1, 8 * MOST_PROCESSES)).cast("Q")

    @property
    def lost(self) -> int:
        """Predictions of all processes that were answered and could not be recorded."""
        return sum(self._lost)

    def count_lost(self, count: int) -> None:
        """Count predictions as lost."""
        with self._lock:
            self._lost[os.getpid() % MOST_PROCESSES] += count

    def append(self, entry: Entry) -> None:
        """Record an entry.

        Raises
        ------
        JournalError
            If it cannot be written. The first of several failures is logged.
        """
        with self._lock:
            encode_into(entry, self._line)
            self._line += b"\n"
            try:
                self._write(self._line)
            except OSError as error:
                if not self.reason:
                    log.error("the journal cannot be written: %s", error)  # noqa: TRY400 - the message says it all
                self.reason = without_path(error)
                raise JournalError(
                    f"the journal cannot be written: {error}",
                    public=f"the record of it cannot be written: {self.reason}",
                ) from None

    def is_writable(self) -> bool:
        """Whether the journal can be written, after trying where it lately could not."""
        with self._lock, suppress(OSError):
            if self.reason:
                self._write(BLANK)
        return not self.reason

    def find(self, prediction_id: str) -> list[Entry]:
        """The entries of any process that name a prediction and are not yet in the store."""
        found: list[Entry] = []
        with suppress(OSError):  # a folder that cannot be read holds nothing that could be found
            for path in segments(self.folder):
                with suppress(FileNotFoundError), path.open("rb") as segment:  # stored by now
                    for stretch in read(segment, containing=prediction_id.encode()):
                        found += [entry for entry in stretch.entries if prediction_id in entry.ids]
        return found

    def predicted(self, stored: Mapping[str, int]) -> set[str]:
        """The ids of predictions of any process that are not in the store.

        Parameters
        ----------
        stored : mapping of str to int
            How many bytes of each segment are in the store.

        Raises
        ------
        OSError
        """
        found: set[str] = set()
        for path in segments(self.folder):
            with suppress(FileNotFoundError), path.open("rb") as segment:  # stored by now
                segment.seek(stored.get(path.name, 0))
                for line in segment:
                    if line.startswith(PREDICTION) and line.endswith(b"\n"):
                        with suppress(ValueError):  # torn
                            found.update(named(line).ids)
        return found

    def close(self) -> None:
        """End the segment; the next line opens another."""
        with self._lock:
            self._close()

    def _write(self, line: bytes | bytearray) -> None:
        segment = self._segment
        if not segment or segment.size >= SEGMENT_BYTES:
            segment = self._open()
        segment.write(line, sync=self.sync)
        if self.reason:
            log.warning("the journal is written again; %d predictions are lost so far", self.lost)
            self.reason = ""

    def _open(self) -> "Segment":
        self._close()
        self._segment = Segment(self.folder)
        self._end = threading.Timer(SEGMENT_SECONDS, self.close)
        self._end.daemon = True
        self._end.start()
        return self._segment

    def _close(self) -> None:
        if self._segment:
            self._end.cancel()
            self._segment.file.close()
            self._segment = None


class Segment:
    """One file that this process alone appends to.

    It is locked as long as it is open, so a reader knows when no line will follow.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        links = 0
        while not links:  # a collector may have removed it before the lock was had
            name = f"{time.time_ns():019d}-{socket.gethostname()}-{os.getpid()}{SUFFIX}"
            self.file = (folder / name).open("xb", buffering=0)
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
            Also where only a part of it was written.
        """
        # What a full disk cut off becomes a line of its own, and spoils no other.
        line = b"\n" + line if self._torn else line
        self._torn = True
        written = os.write(self.file.fileno(), line)
        self.size += written
        if written < len(line):
            raise OSError(f"only {written} of {len(line)} bytes were written")
        if sync:
            to_disk(self.file.fileno())
        self._torn = False


class Read(NamedTuple):
    """A stretch of a segment: its entries, where it ends, and lines that could not be read."""

    entries: list[Entry]
    position: int
    torn: int


def segments(folder: Path) -> list[Path]:
    """The segments of a folder, oldest first.

    Raises
    ------
    OSError
        If it is there and cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    except FileNotFoundError:  # nothing has been recorded yet
        return []
    # What is no file, or has a name that no database takes, is not the journal's.
    return sorted(path for path in found if path.name.isprintable() and path.is_file())


def is_closed(segment: BinaryIO) -> bool:
    """Whether no process writes to a segment any more; if so, none will."""
    try:
        fcntl.flock(segment, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read(segment: BinaryIO, position: int = 0, containing: bytes = b"") -> Iterator[Read]:
    """Read the whole lines of a segment from a position on, in stretches of about `STRETCH` bytes.

    Lines without the bytes asked for are passed over. It ends before a line that is not whole:
    that is torn, or still being written, for a write is not seen all at once.
    """
    segment.seek(position)
    whole = True
    while whole and (found := segment.readlines(STRETCH)):
        # Not only the last may be part of a line: while these are read, the rest may be written.
        lines = list(takewhile(_is_whole, found))
        whole = len(lines) == len(found)
        entries, torn = [], 0
        for line in lines:
            position += len(line)
            if containing not in line:
                continue
            try:
                entries.append(decode(line.decode()))  # all of it, for what stays JSON is not read
            except (msgspec.DecodeError, UnicodeDecodeError):
                torn += not line.isspace()
        yield Read(entries, position, torn)


def _is_whole(line: bytes) -> bool:
    return line.endswith(b"\n")


class Named(msgspec.Struct):
    """Of a line, what it is about."""

    ids: list[str]


named = msgspec.json.Decoder(Named).decode
encode_into = msgspec.json.Encoder().encode_into
decode = msgspec.json.Decoder(Line).decode
