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

MOST_WORKERS = 256
HEAD_START, MOST_STARTS = 0.001, 5  # seconds for each connection that it holds more
SILENCE = 10  # seconds that a client may fall silent within a request
SMALL = 16_384  # bytes of a request that is answered at once
LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,5})\r\n", re.IGNORECASE)
UNUSUAL = re.compile(  # what is not whole yet, or is larger than it looks
    rb"\r\n(?:transfer-encoding|content-encoding|expect|upgrade):", re.IGNORECASE
)


# Connections of each worker and one more, 0 where there is no worker; in memory that they share.
HELD = memoryview(mmap.mmap(-1, 4 * MOST_WORKERS)).cast("I")
LAST = memoryview(mmap.mmap(-1, 4)).cast("I")  # the worker, by its age, that took the last one


class Worker(ProblemWorker, ThreadWorker):
    """gthread, with four things done otherwise.

    A small POST that has arrived whole is answered at once by the thread that polls: a prediction
    takes less than handing it to another thread and back. Whatever may take long (a large batch, a
    page, a request that is still arriving) gets a thread as ever.

    gthread gives a new connection a thread before it says anything, so as many silent ones as there
    are threads (a browser opens some in advance) hold a worker up. Here they wait in the poller. A
    client that falls silent within a request is given up after `SILENCE` seconds.

    A connection waits in the listening socket's queue until a worker takes it. gunicorn closes that
    socket with the queue still in it, and each of those clients sees its request cut off. Here a
    stopping worker takes them all and closes at once, so others are refused, not cut off.

    The kernel gives a connection to the worker that wakes first, so one may hold them all while
    another idles. Here a worker that holds more than another, or that took the last one, gives the
    others a head start.
    """

    drained = False

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, after any worker that holds fewer or whose turn it is."""
        held = [count - 1 for count in HELD if count]
        ahead = self.nr_conns - min(held, default=0)
        if len(held) > 1 and LAST[0] == self.age:
            ahead = max(ahead, 1)
        if ahead > 0:
            time.sleep(min(ahead, MOST_STARTS) * HEAD_START)
        before = self.nr_conns
        super().accept(listener)
        if self.nr_conns > before:
            LAST[0] = self.age

    def notify(self) -> None:
        """Say that the worker lives, and how many connections it holds."""
        super().notify()
        HELD[self.age % MOST_WORKERS] = 1 + self.nr_conns

    def mourn(self) -> None:
        """Forget the connections of a worker that has ended; called in the parent."""
        HELD[self.age % MOST_WORKERS] = 0

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
