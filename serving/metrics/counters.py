"""Counts that all processes add to, each in files of its own, and that no process takes along.

A process that is killed loses none of its counts: they are in memory that belongs to a file. Who
starts next goes on in the files of one that has ended. So there are never more of them than there
were processes at a time, and a sum only rises, over any number of restarts.
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
ROOM = 8_192  # different counts of one process; its files hold no more
SPARE = ROOM  # where those are added up that cannot be told apart
BYTES = 8 * (ROOM + 1)
PAUSE = 10  # seconds until files that could not be written are tried again

Name = tuple[str, ...]


class Counters:
    """What one process counts, from any of its threads; made before a fork, it is used after.

    Line n of `NUMBER.names` is the name, a JSON array, of the nth number of 8 bytes in
    `NUMBER.counts`; the process that adds holds a lock on the names. Where these cannot be written,
    nothing is counted and the log says so.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._names: BinaryIO
        self._counts: memoryview | None = None
        self._places: dict[Name, int] = {}
        self._reason, self._again = "", 0.0

    def add(self, counts: Iterable[tuple[Name, int]]) -> None:
        """Add to some counts."""
        with self._lock:
            if self._counts is None:
                self._open()
            places, held = self._places, self._counts
            if held is None:
                return
            for name, more in counts:
                place = places.get(name)
                if place is None:
                    place = self._place(name)
                    held[place] = 0  # after a power failure, it may be of a name that was lost
                held[place] += more

    def _open(self) -> None:
        """Take the first files that no process adds to, if any can be had."""
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
            weakref.finalize(self, names.close)  # which leaves the files to another
            self._names = names
            self._places = {_name(line): place for place, line in enumerate(lines)}
        except OSError as error:
            self._fail(error)

    def _place(self, name: Name) -> int:
        """Where something is counted from now on."""
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
        if len(self._places) >= ROOM:
            raise OSError(f"there are {ROOM} different counts already")
        end = self._names.seek(0, os.SEEK_END)
        if self._names.write(line) < len(line):
            self._names.truncate(end)
            raise OSError("the disk is full")

    def _fail(self, error: OSError) -> None:
        self._again = time.monotonic() + PAUSE
        if str(error) != self._reason:
            log.error("%s: not all is counted: %s", self.folder, error)
        self._reason = str(error)


def read(folder: Path) -> Counter[Name]:
    """What all processes have counted by now, those that have ended too."""
    sums: Counter[Name] = Counter()
    for path in folder.glob(f"*{NAMES}"):
        with suppress(OSError):  # its counts are about to be made
            names = map(_name, _lines(path.read_bytes()))
            held = path.with_suffix(COUNTS).read_bytes()
            sums.update(
                dict(zip(names, memoryview(held[: len(held) // 8 * 8]).cast("Q"), strict=False))
            )
    return sums


def _locked(folder: Path) -> BinaryIO:
    """Open the first names that no process has locked, at their beginning."""
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
    """The whole lines; after a power failure, only those before one that was not kept."""
    lines: list[bytes] = []
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        for line in names.splitlines(keepends=True):
            _name(line)
            lines += [line] if line.endswith(b"\n") else []
    return lines


def _memory(path: Path) -> memoryview:
    """A file as numbers in memory.

    All of it is on the disk first: where that is full, access to the rest would kill the process.
    """
    with path.open("a+b") as file:
        if missing := BYTES - path.stat().st_size:
            file.write(bytes(missing))
            file.flush()
        return memoryview(mmap.mmap(file.fileno(), BYTES)).cast("Q")


_name = msgspec.json.Decoder(Name).decode
