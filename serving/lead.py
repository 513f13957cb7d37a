"""A lock that one process of many holds until its end, while the others wait to take over."""

import fcntl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOOK = 0.5  # seconds between two tries

Pause = Callable[[float], bool]


def lead(lock: Path, pause: Pause) -> BinaryIO | None:
    """Wait for a lock; None where the waiting is ended. The file, once closed, gives it up.

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
