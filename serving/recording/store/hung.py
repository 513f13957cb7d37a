"""Ends connections to a PostgreSQL server that looks connected and does not respond.

A server that is stopped, or a network that swallows packets behind a proxy, acknowledges what it
gets, so the system waits for ever.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import dup
from typing import Any

TICK = 1  # seconds between two looks


class Watch:
    """Watches the connections of a process, in a thread that begins with the first one.

    Parameters
    ----------
    seconds : float
        After which a transaction is ended.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._watched: dict[int, tuple[float, Any]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def watched(self, driver: Any) -> Iterator[None]:
        """End psycopg's connection if the block takes too long; it raises psycopg's error then."""
        with self._lock:
            self._watched[id(driver)] = (time.monotonic() + self._seconds, driver)
            if not self._thread:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._watched[id(driver)]

    def _run(self) -> None:
        while True:
            time.sleep(TICK)
            with self._lock:  # while a connection is watched, nobody else closes it
                for until, driver in self._watched.values():
                    if time.monotonic() > until:
                        _shut_down(driver)


def _shut_down(driver: Any) -> None:
    # Whatever is wrong with it, this thread must go on.
    with suppress(Exception), socket.socket(fileno=dup(driver.fileno())) as connection:
        connection.shutdown(socket.SHUT_RDWR)
