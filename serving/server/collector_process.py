"""A process beside each worker that collects, so that one `gunicorn` command does all.

Forked from the worker, it shares its memory; at a lower priority, it leaves predictions theirs.
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

log = logging.getLogger(__name__)

NICENESS = 10  # with a tenth of a worker's weight it keeps up with single rows at full load


def accompany(settings: Settings, listening: Iterable[socket]) -> None:
    """Fork the process; to be called by a worker that has no threads yet.

    It ends when the worker does, however that ends; and where it ends first, the worker stops in
    good order and is replaced with a new pair.

    Parameters
    ----------
    listening : iterable of socket
        The worker's, which the other process closes.
    """
    watched, held = os.pipe()
    companion = os.fork()
    if companion:
        os.close(watched)  # `held` stays open until this process ends
        threading.Thread(target=_watch, args=(companion,), daemon=True).start()
        return
    try:
        os.close(held)
        for each in listening:
            each.close()
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGQUIT):  # a terminal's, meant for the worker
            signal.signal(number, signal.SIG_IGN)
        os.nice(NICENESS)
        memory.look_seldom()
        collector.run(settings, lambda seconds: not select.select([watched], [], [], seconds)[0])
    except BaseException:  # why: nothing may get past here into the worker's own code
        log.exception("the collector failed")
        os._exit(1)
    os._exit(0)


def _watch(companion: int) -> None:
    os.waitpid(companion, 0)
    log.error("the collector ended; its worker is replaced")
    os.kill(os.getpid(), signal.SIGTERM)
