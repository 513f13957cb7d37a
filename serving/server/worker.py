"""The worker that gunicorn runs the service in."""

import mmap
import re
import select
import selectors
import socket
import struct
import time
from concurrent.futures import Future
from functools import partial

from gunicorn.workers.gthread import TConn, ThreadWorker

from serving.server.parser_errors import ProblemWorker

MAX_WORKERS = 256
HEAD_START = 0.001  # seconds that a worker waits for each connection it holds more than another
MAX_STARTS = 5
SILENCE = 10  # seconds that a client may stay silent within a request
SMALL = 16_384  # bytes of a request that is answered at once
LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,5})\r\n", re.IGNORECASE)
UNUSUAL = re.compile(  # what is not whole yet, or is larger than it looks
    rb"\r\n(?:transfer-encoding|content-encoding|expect|upgrade):", re.IGNORECASE
)


# Shared by all workers: the connections of each worker plus one, 0 where there is no worker.
HELD = memoryview(mmap.mmap(-1, 4 * MAX_WORKERS)).cast("I")
LAST = memoryview(mmap.mmap(-1, 4)).cast("I")  # `age` of the worker that took the last connection


class Worker(ProblemWorker, ThreadWorker):
    """gunicorn's gthread worker, changed in four ways.

    A small POST that has arrived whole is answered at once by the thread that polls: a prediction
    takes less time than handing it to another thread and back. Whatever may take long (a large
    batch, a page, a request that is still arriving) gets a thread as before.

    gthread gives each new connection a thread before the first byte arrives, so as many silent
    connections as there are threads (a browser opens some in advance) block a worker. Here they
    wait in the poller. A client that stays silent within a request is dropped after `SILENCE`
    seconds.

    A connection waits in the listening socket's queue until a worker takes it. gunicorn closes that
    socket with connections still queued, and each of those clients sees its request cut off. Here a
    stopping worker accepts them all and then closes the socket, so later clients are refused
    instead of cut off.

    The kernel gives a connection to the worker that wakes first, so one worker may hold them all
    while another idles. Here a worker that holds more than another, or that took the last one,
    waits a moment so that the others can take it.
    """

    drained = False

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, after a short wait if another worker should take it."""
        held = [count - 1 for count in HELD if count]
        ahead = self.nr_conns - min(held, default=0)
        if len(held) > 1 and LAST[0] == self.age:
            ahead = max(ahead, 1)
        if ahead > 0:
            time.sleep(min(ahead, MAX_STARTS) * HEAD_START)
        before = self.nr_conns
        super().accept(listener)
        if self.nr_conns > before:
            LAST[0] = self.age

    def notify(self) -> None:
        """Send the heartbeat, and tell the others how many connections this worker holds."""
        super().notify()
        HELD[self.age % MAX_WORKERS] = 1 + self.nr_conns

    def forget_connections(self) -> None:
        """Clear the count of a worker that has ended; called in the parent."""
        HELD[self.age % MAX_WORKERS] = 0

    def enqueue_req(self, conn: TConn) -> None:
        """Let a connection wait for its first byte, answer it at once or give it a thread."""
        if not (conn.initialized or conn.data_ready):
            self._await_first_byte(conn)
        elif self._is_idle(conn) and is_small_whole_post(conn.sock):
            answered: Future[object] = Future()
            answered.set_result(self.handle(conn))
            self.finish_request(conn, answered)
        else:
            super().enqueue_req(conn)

    def _await_first_byte(self, conn: TConn) -> None:
        limit = struct.pack("ll", SILENCE, 0)
        for direction in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, direction, limit)
        conn.sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        conn.set_timeout()
        self.pending_conns.append(conn)
        wake = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, wake)

    def _is_idle(self, conn: TConn) -> bool:
        """Whether all that the client sent and is to be sent next lies in the socket."""
        return not self.cfg.is_ssl and not (conn.parser and conn.parser.unreader.buf.getvalue())

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """Also gunicorn's first step of a graceful stop, then with False."""
        if self.alive or self.drained:
            super().set_accept_enabled(enabled)
            return
        self.drained = True
        for listener in self.sockets:
            before = -1
            while self.nr_conns != before:  # accept() counts up when there was one to take
                before = self.nr_conns
                self.accept(listener)
        super().set_accept_enabled(enabled=False)
        for listener in self.sockets:
            listener.close()


def is_small_whole_post(sock: socket.socket) -> bool:
    """Whether a small POST has arrived to its last byte, and there is room to answer it.

    Reading such a request and writing its answer cannot block.
    """
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT)
    if poll.poll(0) != [(sock.fileno(), select.POLLIN | select.POLLOUT)]:
        return False
    head, blank, body = sock.recv(SMALL, socket.MSG_PEEK).partition(b"\r\n\r\n")
    lengths = LENGTH.findall(head + b"\r\n") if blank and head.startswith(b"POST ") else ()
    return len(lengths) == 1 and len(body) >= int(lengths[0]) and not UNUSUAL.search(head)
