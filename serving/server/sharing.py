"""How the workers share the connections among themselves.

The kernel gives a connection to the worker that wakes first, so one worker may hold them all while
another idles. So a worker that holds more than another, or that took the last one, waits a moment
before it accepts, and the others can take it.
"""

import mmap
from collections.abc import Sized

MAX_WORKERS = 256
HEAD_START = 0.001  # seconds that a worker waits for each connection it holds more than another
MAX_STARTS = 5

# Shared by all workers: the connections of each worker plus one, 0 where there is no worker.
HELD = memoryview(mmap.mmap(-1, 4 * MAX_WORKERS)).cast("I")
LAST = memoryview(mmap.mmap(-1, 4)).cast("I")  # `age` of the worker that took the last connection


class Share:
    """The connections of one worker, beside those of all others.

    Parameters
    ----------
    age : int
        gunicorn's number of the worker.
    connections : collection
        Those that it holds.
    """

    def __init__(self, age: int, connections: Sized) -> None:
        self._age, self._connections = age, connections

    def count(self) -> None:
        """Show the other workers how many connections this one holds."""
        HELD[self._age % MAX_WORKERS] = 1 + len(self._connections)

    def take(self) -> None:
        """Count a connection that this worker has just accepted."""
        LAST[0] = self._age
        self.count()

    def forget(self) -> None:
        """Clear the count of a worker that has ended; called in the parent."""
        HELD[self._age % MAX_WORKERS] = 0

    def head_start(self) -> float:
        """Return for how many seconds others may take the next connection first."""
        held = [count - 1 for count in HELD if count]
        ahead = len(self._connections) - min(held, default=0)
        if len(held) > 1 and LAST[0] == self._age:
            ahead = max(ahead, 1)
        return min(ahead, MAX_STARTS) * HEAD_START
