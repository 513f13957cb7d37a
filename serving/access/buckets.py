"""Limits of requests a second that hold over all workers, in memory that they share.

A bucket is one number: the time at which it is full again (the generic cell rate algorithm, GCRA:
ATM Forum, Traffic Management 4.0, 1996). Each request moves it on; if it is too far in the future,
the request has to wait. A name that is not there has a full bucket.
"""

import fcntl
import mmap
import os
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import BinaryIO, NamedTuple

SETS, WAYS = 4_096, 4  # a name may be in any of the ways of its set
ROUNDING = 1e-6  # seconds by which sums of times may be wrong
SLOT = 16  # bytes: a hash of the name, and a time


class Rate(NamedTuple):
    """How many requests a second are accepted, and how many at once."""

    per_second: float
    burst: float


class Buckets:
    """Buckets by name; made before a fork, they are shared by all processes after it.

    Where there are more names than slots, those whose buckets are the fullest are forgotten.
    """

    def __init__(self) -> None:
        self._file = _memory_file()
        self._file.truncate(SETS * WAYS * SLOT)
        weakref.finalize(self, self._file.close)
        memory = memoryview(mmap.mmap(self._file.fileno(), SETS * WAYS * SLOT))
        self._names, self._times = memory.cast("Q"), memory.cast("d")
        self._threads = threading.Lock()  # a process's own threads share the lock of the file

    def take(self, name: str, rate: Rate) -> float:
        """Count a request.

        Returns
        -------
        float
            0 if it is accepted; else the seconds to wait, and it is not counted.
        """
        with self._slot(name) as place:
            now = time.monotonic()
            full = max(self._times[place], now)
            wait = full - now - (rate.burst - 1) / rate.per_second
            if wait > ROUNDING:
                return wait
            self._times[place] = full + 1 / rate.per_second
            return 0.0

    def give_back(self, name: str, rate: Rate) -> None:
        """Take back that a request was counted."""
        with self._slot(name) as place:
            self._times[place] -= 1 / rate.per_second

    def wait(self, name: str, rate: Rate) -> float:
        """Return the seconds until a request would be accepted, without counting one."""
        with self._slot(name) as place:
            ahead = self._times[place] - time.monotonic()
            wait = ahead - (rate.burst - 1) / rate.per_second
            return wait if wait > ROUNDING else 0.0

    @contextmanager
    def _slot(self, name: str) -> Iterator[int]:
        """Lock a name's bucket, and give its place in both views."""
        number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") or 1
        ways = range(number % SETS * WAYS, (number % SETS + 1) * WAYS)
        with self._threads, self._locked(number % SETS):
            for way in ways:
                if self._names[2 * way] == number:
                    yield 2 * way + 1
                    return
            oldest = min(ways, key=lambda way: self._times[2 * way + 1])
            self._names[2 * oldest], self._times[2 * oldest + 1] = number, 0.0
            yield 2 * oldest + 1

    @contextmanager
    def _locked(self, number: int) -> Iterator[None]:
        """Lock a set: for microseconds, and also where a process is killed meanwhile."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, number)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)


def _memory_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("buckets"), "r+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)  # macOS
