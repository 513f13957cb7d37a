"""Locks between processes, which the system gives up for one that is killed."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

LOOK = 0.5  # seconds between two tries

Pause = Callable[[float], bool]


def wait_for_lock(lock: Path, pause: Pause) -> BinaryIO | None:
    """Wait for a lock that one process holds until its end; None where the waiting is ended.

    Closing the file gives the lock up.

    Parameters
    ----------
    pause : callable
        Waits so many seconds, and tells whether to go on.
    """
    while True:
        with suppress(OSError):  # held by another; or no folder can be made, as others say
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
            else:
                return file
        if not pause(LOOK):
            return None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until nobody else holds a folder, and hold it until the block ends.

    The folder itself is locked, not a file in it: so whoever may only read it waits as well, and
    nothing is left behind. The system gives it up for a process that is killed. Within the block it
    must not be asked for again.

    Raises
    ------
    OSError
        If the folder cannot be opened.
    """
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # anew: threads wait for one another too
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
