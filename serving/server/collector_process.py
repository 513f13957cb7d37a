"""The collector process beside each worker, so that one `gunicorn` command runs everything.

It is forked from the worker, so it shares the worker's memory, and it runs at a lower priority than
predictions, unless their responses wait for it. It outlives its worker until it has moved all that
the worker recorded, and gunicorn waits for it: where gunicorn's end is a container's, what is not
moved by then is on a disk that may go with the container.
"""

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from socket import socket
from typing import Any, NoReturn

from serving import memory
from serving.recording import collecting
from serving.recording.feed import Feed
from serving.recording.segments import of_process
from serving.recording.status import Status
from serving.settings import STORE, Settings
from serving.versions import served

log = logging.getLogger(__name__)

NICENESS = 10  # with a tenth of a worker's weight it keeps up with single rows at full load
MIN_DRAIN = 3  # seconds after the end of a worker, also where nobody gave it time to stop
TICK = 0.05  # seconds between two attempts to drain
STOPPING = b"s"  # what a worker writes when it begins to stop

_collectors: list[int] = []  # a pipe: the end to read from, and the one that each collector holds


def prepare() -> None:
    """Have all collectors that will be started be waited for; call this in the parent of all."""
    _collectors[:] = os.pipe()


def wait_for_collectors(seconds: float) -> None:
    """Wait until all collectors have ended; call this in the parent, after its workers' end."""
    ended, held = _collectors
    os.close(held)
    select.select([ended], [], [], seconds)


def start_collector(
    settings: Settings, listening: Iterable[socket], grace: float
) -> Callable[[], None]:
    """Fork the collector process; call this in a worker that has no threads yet.

    The collector ends after its worker, even if that is killed. If the collector ends first, the
    worker shuts down gracefully, and gunicorn starts a new pair.

    Parameters
    ----------
    listening : iterable of socket
        The worker's sockets, which the collector closes.
    grace : float
        Seconds from the beginning of a stop until the collector gives up.

    Returns
    -------
    callable
        To be called when the worker begins to stop.
    """
    worker, (worker_ended, held) = os.getpid(), os.pipe()
    collector_pid = os.fork()
    if collector_pid:
        os.close(worker_ended)  # `held` stays open until this process ends
        for end in _collectors:
            os.close(end)
        threading.Thread(target=_watch, args=(collector_pid,), daemon=True).start()
        return lambda: _send_stopping(held)
    try:
        os.close(held)
        for each in listening:
            each.close()
        for number in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        # From a terminal, or from whoever stops all processes at once: for the worker.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if settings.journal_required != STORE:
            os.nice(NICENESS)
        memory.raise_gc_threshold()
        life = _Life(settings, worker, worker_ended, grace)
        collecting.run(settings, life.pause, lambda: served.describe(settings), life.drain)
        life.report()
    except BaseException:  # why: nothing may get past here into the worker's own code
        log.exception("the collector process failed")
        os._exit(1)
    os._exit(0)


class _Life:
    """How long a collector goes on: until its worker has ended, and its journal is moved."""

    def __init__(self, settings: Settings, worker: int, worker_ended: int, grace: float) -> None:
        self._folder, self._worker = settings.journal_dir, worker
        self._worker_ended, self._grace = worker_ended, grace
        self._stopping = self._until = 0.0

    def pause(self, seconds: float, *woken_by: Feed) -> bool:
        """Wait; return whether the worker lives."""
        files: list[Any] = [self._worker_ended, *woken_by]
        readable, _, _ = select.select(files, [], [], seconds)
        if self._worker_ended not in readable:
            return True
        if os.read(self._worker_ended, 1):
            self._stopping = time.monotonic()
            return True
        if not self._until:
            now = time.monotonic()
            self._until = max(now + MIN_DRAIN, self._stopping and self._stopping + self._grace)
            # A database that does not respond holds the thread that asks it.
            last = threading.Timer(self._until + 1 - now, self._give_up)
            last.daemon = True
            last.start()
        return False

    def drain(self, _: float) -> bool:
        """Wait a moment; return whether to go on, as some of the worker's journal is left."""
        if not of_process(self._folder, self._worker):
            return False
        time.sleep(TICK)
        return time.monotonic() < self._until

    def report(self) -> None:
        """Log what is left."""
        if of_process(self._folder, self._worker):
            status = Status.read(self._folder)
            waiting = f"{status.waiting} bytes" if status else "some"
            log.error(
                "%s of the journal are not in the store; they stay in %s", waiting, self._folder
            )

    def _give_up(self) -> NoReturn:
        try:
            self.report()
        finally:
            os._exit(1)


def _send_stopping(held: int) -> None:
    with suppress(OSError):  # it has ended
        os.write(held, STOPPING)


def _watch(collector_pid: int) -> None:
    os.waitpid(collector_pid, 0)
    log.error("the collector process ended; replacing its worker")
    os.kill(os.getpid(), signal.SIGTERM)
