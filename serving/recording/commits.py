"""Waits until the store has committed what was written to the journal (`JOURNAL_REQUIRED=store`).

The collector does the commits, and sends notices of them (feed.py). One thread or greenlet of each
process reads them, and wakes all that wait.
"""

import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from serving.errors import StoreError
from serving.recording.feed import PIECE, RECENT, Notice, address
from serving.recording.segments import Place

MAX_WAIT = 5  # seconds that a request waits for its commit
REFUSAL = 1  # seconds after a failure in which nothing is tried again
TICK = 0.25  # seconds between two looks at who waits for too long
NOT_COLLECTED = "no collector is running"
SLOW = f"the database has not committed anything for {MAX_WAIT} seconds"

WaitReadable = Callable[[socket.socket, float], object]


class Event(Protocol):
    """What one waits for: a `threading.Event`, or the like of it for greenlets."""

    def set(self) -> object:
        """Wake the one that waits."""

    def wait(self) -> object:
        """Wait until it is set."""


class _Waiting(NamedTuple):
    place: Place
    since: float
    event: Event
    failures: list[str]  # at most one


class Commits:
    """What the store has committed of a journal.

    Parameters
    ----------
    folder : Path
        The folder of the journal.

    Attributes
    ----------
    reason : str
        Why nothing is committed now, for any client to read; empty as long as nothing is wrong.
    new_event : callable
        Makes what one waits for.
    """

    def __init__(self, folder: Path) -> None:
        self.reason = ""
        self.new_event: Callable[[], Event] = threading.Event
        self._folder = folder
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._reached: dict[str, int] = {}
        self._failed = self._heard = 0.0  # when, the last time
        self._connection: socket.socket | None = None
        self._is_followed = self._is_awake = False

    def require(self) -> None:
        """Check that commits can be expected.

        Raises
        ------
        StoreError
        """
        if self.reason:
            raise _error(self.reason)

    def wait(self, place: Place) -> None:
        """Wait until what was written up to a place of the journal is committed.

        Raises
        ------
        StoreError
            If it takes too long, or the database cannot be used. It may still be committed later.
        """
        if not self._is_followed:
            self._start()
        waiting = _Waiting(place, time.monotonic(), self.new_event(), [])
        with self._lock:
            if self._reached.get(place.segment, 0) >= place.end:
                return
            self._waiting.append(waiting)
            is_awake, self._is_awake = self._is_awake, True
        if not is_awake:
            self._wake_collector()
        waiting.event.wait()
        if waiting.failures:
            raise _error(*waiting.failures)

    def follow(self, wait_readable: WaitReadable, sleep: Callable[[float], object]) -> None:
        """Read notices for ever.

        Parameters
        ----------
        wait_readable : callable
            Waits until a socket is readable, for so many seconds at most.
        """
        self._is_followed, self._heard = True, time.monotonic()
        while True:
            connection = self._connection = self._connect()
            if connection is None:
                sleep(TICK)
            else:
                with connection:
                    self._read(connection, wait_readable)
                self._connection = None
            self._give_up()

    def _start(self) -> None:
        with self._lock:
            if not self._is_followed:
                self._is_followed = True
                arguments = (_wait_readable, time.sleep)
                threading.Thread(target=self.follow, args=arguments, daemon=True).start()

    def _connect(self) -> socket.socket | None:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(0)
        with suppress(OSError), address(self._folder) as path:
            connection.connect(path)
            with suppress(OSError):
                connection.send(b"\n")  # lines may wait since before
            return connection
        connection.close()
        return None

    def _read(self, connection: socket.socket, wait_readable: WaitReadable) -> None:
        """Read notices until the collector ends."""
        rest = b""
        while True:
            wait_readable(connection, TICK)
            try:
                received = connection.recv(PIECE)
            except BlockingIOError:
                self._give_up()
                continue
            except OSError:
                return
            if not received:
                return
            *lines, rest = (rest + received).split(b"\n")
            for line in lines:
                try:
                    notice = _decode(line)
                except ValueError:  # of a collector of another release
                    return
                self._take(notice)
            self._give_up()

    def _take(self, notice: Notice) -> None:
        self._heard = time.monotonic()
        with self._lock:
            for name, position in notice.reached.items():
                self._reached.pop(name, None)  # so that the latest are the last
                self._reached[name] = position
            done: list[_Waiting] = []
            waiting: list[_Waiting] = []
            for each in self._waiting:
                (done if self._is_done(each) else waiting).append(each)
            self._waiting, self._is_awake = waiting, bool(waiting)
            while len(self._reached) > RECENT:
                del self._reached[next(iter(self._reached))]
        for each in done:
            each.event.set()
        if notice.reason:
            self._fail(notice.reason)
            return
        if self.reason and time.monotonic() > self._failed + REFUSAL:
            self.reason = ""
        if self._is_awake:  # by lines that were written after the collector had looked
            self._wake_collector()

    def _is_done(self, waiting: _Waiting) -> bool:
        return self._reached.get(waiting.place.segment, 0) >= waiting.place.end

    def _give_up(self) -> None:
        """Fail all who wait if one does so for too long, or the collector is silent for so long."""
        since = min([self._heard, *(each.since for each in self._waiting)])
        if time.monotonic() > since + MAX_WAIT:
            self._fail(SLOW if self._connection else NOT_COLLECTED)

    def _fail(self, reason: str) -> None:
        self.reason, self._failed = reason, time.monotonic()
        with self._lock:
            failed, self._waiting = self._waiting, []
            self._is_awake = False
        for each in failed:
            each.failures.append(reason)
            each.event.set()

    def _wake_collector(self) -> None:
        connection = self._connection
        if connection:
            with suppress(OSError):  # it has not read the bytes before, or it has ended
                connection.send(b"\n")


def _error(reason: str) -> StoreError:
    return StoreError(f"what was sent cannot be stored now: {reason}")


def _wait_readable(connection: socket.socket, seconds: float) -> None:
    select.select([connection], [], [], seconds)


_decode = msgspec.json.Decoder(Notice).decode
