"""How a worker waits for commits (`JOURNAL_REQUIRED=store`): greenlets and threads, side by side.

The worker's own greenlets let others run meanwhile. A thread lets another one compute in its place.
"""

import socket
import threading
from collections.abc import Callable
from typing import Any

import gevent
from gevent.threadpool import ThreadPool

from serving.recording.commits import Commits, Event

MAX_WAITING = 64  # threads
READABLE = 1  # what libev calls it

_computing = threading.local()


class Slots:
    """Threads of which so many compute at once, and more may wait for commits."""

    def __init__(self, count: int) -> None:
        self._threads = ThreadPool(count + MAX_WAITING)
        self._slots = threading.Semaphore(count)

    def spawn(self, function: Callable[..., Any], *given: Any) -> Any:
        """Call a function in a thread, as soon as fewer than `count` compute."""
        return self._threads.spawn(self._call, function, *given)

    def _call(self, function: Callable[..., Any], *given: Any) -> Any:
        with self._slots:
            _computing.slots = self._slots
            return function(*given)


class _ThreadEvent(threading.Event):
    """An event for a thread, which gives its slot to another one while it waits."""

    def wait(self, timeout: float | None = None) -> bool:
        slots: Any = getattr(_computing, "slots", None)
        if slots is None:  # a thread of its own
            return super().wait(timeout)
        slots.release()
        try:
            return super().wait(timeout)
        finally:
            slots.acquire()


class _GreenletEvent:
    """An event for one greenlet; `set` may be called in its thread only."""

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._waiter = gevent.hub.Waiter(self._hub)

    def set(self) -> None:
        self._hub.loop.run_callback(self._waiter.switch, None)

    def wait(self) -> None:
        self._waiter.get()


def follow(commits: Commits) -> None:
    """Have this thread's greenlets wait for commits as greenlets do; call it once, in a worker."""
    own = threading.get_ident()

    def new_event() -> Event:
        return _GreenletEvent() if threading.get_ident() == own else _ThreadEvent()

    commits.new_event = new_event
    gevent.spawn(commits.follow, _wait_readable, gevent.sleep)


def _wait_readable(connection: socket.socket, seconds: float) -> None:
    hub = gevent.get_hub()
    readable = hub.loop.io(connection.fileno(), READABLE)
    try:
        gevent.with_timeout(seconds, hub.wait, readable, timeout_value=None)
    finally:
        readable.close()
