"""Counts that all processes add to, each in files of its own, and that survive the processes.

The counts are in memory-mapped files, so a killed process loses none. A new process continues in
the files of one that has ended. So there are never more files than there were processes at the same
time, and a sum only increases, over any number of restarts.
"""

import fcntl
import logging
import mmap
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

import msgspec

log = logging.getLogger(__name__)

NAMES, COUNTS = ".names", ".counts"
MAX_COUNTS = 8_192  # different ones of one process
SPARE = MAX_COUNTS  # the place where counts without a place of their own are added up
BYTES = 8 * (MAX_COUNTS + 1)
PAUSE = 10  # seconds after which a failed write is repeated

Name = tuple[str, ...]


class Counters:
    """The counts of one process, from any of its threads; created before a fork, used after.

    Line n of `NUMBER.names` is the name, a JSON array, of the nth number of 8 bytes in
    `NUMBER.counts`; the process that adds has locked the names. If the files cannot be written,
    nothing is counted, and that is logged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._names: BinaryIO
        self._counts: memoryview | None = None
        self._places: dict[Name, int] = {}
        self._reason, self._again = "", 0.0

    def add(self, counts: Iterable[tuple[Name, int]]) -> None:
        """Add to some counts, creating those that are new."""
        with self._lock:
            if self._counts is None:
                self._open()
            places, counts_here = self._places, self._counts
            if counts_here is None:
                return
            for name, more in counts:
                place = places.get(name)
                if place is None:
                    place = self._place(name)
                    counts_here[place] = 0  # after a power failure it may belong to a lost name
                counts_here[place] += more

    def _open(self) -> None:
        """Open the first files that no other process has locked."""
        if time.monotonic() < self._again:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            names = _locked(self.folder)
            try:
                lines = _lines(names.read())
                names.truncate(sum(map(len, lines)))
                self._counts = _memory(Path(names.name).with_suffix(COUNTS))
            except OSError:
                names.close()
                raise
            weakref.finalize(self, names.close)  # which unlocks the files
            self._names = names
            self._places = {_name(line): place for place, line in enumerate(lines)}
        except OSError as error:
            self._fail(error)

    def _place(self, name: Name) -> int:
        """Return the place of a new count."""
        if time.monotonic() < self._again:
            return SPARE
        try:
            self._append(msgspec.json.encode(name) + b"\n")
        except OSError as error:
            self._fail(error)
            return SPARE
        self._places[name] = len(self._places)
        return self._places[name]

    def _append(self, line: bytes) -> None:
        if len(self._places) >= MAX_COUNTS:
            raise OSError(f"there are {MAX_COUNTS} different counts already")
        end = self._names.seek(0, os.SEEK_END)
        if self._names.write(line) < len(line):
            self._names.truncate(end)
            raise OSError("the disk is full")

    def _fail(self, error: OSError) -> None:
        self._again = time.monotonic() + PAUSE
        if str(error) != self._reason:
            log.error("%s: some requests are not counted: %s", self.folder, error)
        self._reason = str(error)


def read(folder: Path) -> Counter[Name]:
    """Read the sums of all processes, also of those that have ended."""
    sums: Counter[Name] = Counter()
    for path in folder.glob(f"*{NAMES}"):
        with suppress(OSError):  # its counts are about to be created
            names = map(_name, _lines(path.read_bytes()))
            content = path.with_suffix(COUNTS).read_bytes()
            counts = memoryview(content[: len(content) // 8 * 8]).cast("Q")
            sums.update(dict(zip(names, counts, strict=False)))
    return sums


def _locked(folder: Path) -> BinaryIO:
    """Open and lock the first file of names that no process has locked."""
    for number in count():
        names = (folder / f"{number}{NAMES}").open("a+b", buffering=0)
        try:
            fcntl.flock(names, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            names.close()
        else:
            names.seek(0)
            return names
    raise AssertionError  # numbers do not end


def _lines(names: bytes) -> list[bytes]:
    """Return the complete lines; after a power failure, those before the first damaged one."""
    lines: list[bytes] = []
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        for line in names.splitlines(keepends=True):
            _name(line)
            lines += [line] if line.endswith(b"\n") else []
    return lines


def _memory(path: Path) -> memoryview:
    """Map a file into memory as numbers.

    It is written in full first: on a full disk, access to a missing part would kill the process.
    """
    with path.open("a+b") as file:
        if missing := BYTES - path.stat().st_size:
            file.write(bytes(missing))
            file.flush()
        return memoryview(mmap.mmap(file.fileno(), BYTES)).cast("Q")


_name = msgspec.json.Decoder(Name).decode
