"""A lock on a folder, for what must be done by one thread of one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
