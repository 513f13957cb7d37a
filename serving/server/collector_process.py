"""The collector process beside each worker, so that one `gunicorn` command runs everything.

It is forked from the worker, so it shares the worker's memory, and it runs at a lower priority than
predictions.
"""

import logging
import os
import select
import signal
import threading
from collections.abc import Iterable
from socket import socket

from serving import memory
from serving.recording import collector
from serving.settings import Settings
from serving.versions import served

log = logging.getLogger(__name__)

NICENESS = 10  # with a tenth of a worker's weight it keeps up with single rows at full load


def start_collector(settings: Settings, listening: Iterable[socket]) -> None:
    """Fork the collector process; call this in a worker that has no threads yet.

    The collector ends when its worker ends, even by a kill. If the collector ends first, the worker
    shuts down gracefully, and gunicorn starts a new pair.

    Parameters
    ----------
    listening : iterable of socket
        The worker's sockets, which the collector closes.
    """
    worker_ended, held = os.pipe()
    collector_pid = os.fork()
    if collector_pid:
        os.close(worker_ended)  # `held` stays open until this process ends
        threading.Thread(target=_watch, args=(collector_pid,), daemon=True).start()
        return
    try:
        os.close(held)
        for each in listening:
            each.close()
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGQUIT):  # from a terminal, for the worker
            signal.signal(number, signal.SIG_IGN)
        os.nice(NICENESS)
        memory.raise_gc_threshold()
        collector.run(
            settings,
            lambda seconds: not select.select([worker_ended], [], [], seconds)[0],
            lambda: served.describe(settings),
        )
    except BaseException:  # why: nothing may get past here into the worker's own code
        log.exception("the collector process failed")
        os._exit(1)
    os._exit(0)


def _watch(collector_pid: int) -> None:
    os.waitpid(collector_pid, 0)
    log.error("the collector process ended; replacing its worker")
    os.kill(os.getpid(), signal.SIGTERM)
