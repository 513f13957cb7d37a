"""Locks between processes, which the system releases when a process ends, even by a kill."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

RETRY = 0.5  # seconds between two attempts

Pause = Callable[[float], bool]


def wait_for_lock(lock: Path, pause: Pause) -> BinaryIO | None:
    """Wait for a lock, which one process holds until its end; None if the waiting is ended.

    Closing the file releases the lock.

    Parameters
    ----------
    pause : callable
        Waits so many seconds, and returns whether to go on.
    """
    while True:
        with suppress(OSError):  # or the folder cannot be created, which others log
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
            else:
                return file
        if not pause(RETRY):
            return None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder for the duration of a block.

    The folder itself is locked, not a file in it, so that a process that may only read it can wait,
    and no file is left behind. It cannot be locked again within the block.

    Raises
    ------
    OSError
        If the folder cannot be opened.
    """
    # Opened each time, so that threads wait for one another too.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
