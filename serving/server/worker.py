"""The worker that gunicorn runs the service in."""

import mmap
import re
import select
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import takewhile
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from serving.server.parser_errors import ProblemWorker

MAX_WORKERS = 256
HEAD_START = 0.001  # seconds that a worker waits for each connection it holds more than another
MAX_STARTS = 5
SILENCE = 10  # seconds that a client may stay silent within a request
SMALL = 16_384  # bytes of a request that is answered at once
AT_ONCE = struct.pack("ll", 0, 1_000)  # a millisecond: the client has been silent for long
LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,5})\r\n", re.IGNORECASE)
# Decisions on versions load a version, and wait for locks.
SLOW = re.compile(rb"POST [^ ?]*/versions[ ?]")
UNUSUAL = re.compile(  # what is not whole yet, or is larger than it looks
    rb"\r\n(?:transfer-encoding|content-encoding|expect|upgrade):", re.IGNORECASE
)


# Shared by all workers: the connections of each worker plus one, 0 where there is no worker.
HELD = memoryview(mmap.mmap(-1, 4 * MAX_WORKERS)).cast("I")
LAST = memoryview(mmap.mmap(-1, 4)).cast("I")  # `age` of the worker that took the last connection


class Worker(ProblemWorker, ThreadWorker):
    """gunicorn's gthread worker, changed in five ways.

    A small POST that has arrived whole is answered at once by the thread that polls: a prediction
    takes less time than handing it to another thread and back. Whatever may take long (a large
    batch, a page, a decision on versions, which waits for others) gets a thread as before.

    gthread gives each new connection a thread before the first byte arrives, so as many silent
    connections as there are threads (a browser opens some in advance) block a worker. Here they
    wait in the poller.

    A client that stops within its request would block a thread as well. So the rest of a head, and
    of a small body, is waited for in the poller too: the kernel wakes it when one more byte has
    arrived. A client that stays silent within a request is dropped after `SILENCE` seconds.

    A connection waits in the listening socket's queue until a worker takes it. gunicorn closes that
    socket with connections still queued, and each of those clients sees its request cut off. Here a
    stopping worker accepts them all and then closes the socket, so later clients are refused
    instead of cut off.

    The kernel gives a connection to the worker that wakes first, so one worker may hold them all
    while another idles. Here a worker that holds more than another, or that took the last one,
    waits a moment so that the others can take it.
    """

    drained = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Connections whose request is still arriving: how many bytes of it are there.
        self._unfinished: dict[TConn, int] = {}

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

    def enqueue_req(self, conn: TConn, before: int = 0) -> None:
        """Wait for more of a request, answer it at once or give it a thread.

        Parameters
        ----------
        before : int
            How many bytes were there at the last call. If no more have arrived, the client closed
            its side, or the kernel wakes us for bytes we know, as it does for Unix sockets.
        """
        if not (conn.initialized or conn.data_ready):
            self._await_first_byte(conn)
            return
        there, wanted = _arrived(conn.sock) if self._is_idle(conn) else (0, None)
        if wanted is None or there == before:
            super().enqueue_req(conn)
        elif there < wanted:
            self._await_more(conn, there)
        else:
            answered: Future[object] = Future()
            answered.set_result(self.handle(conn))
            self.finish_request(conn, answered)

    def _await_more(self, conn: TConn, there: int) -> None:
        conn.sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, there + 1)
        conn.timeout = time.monotonic() + SILENCE
        self._unfinished[conn] = there
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_more, conn))

    def _on_more(self, conn: TConn, _: socket.socket) -> None:
        self.enqueue_req(conn, self._stop_awaiting(conn))

    def _stop_awaiting(self, conn: TConn) -> int:
        self.poller.unregister(conn.sock)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return self._unfinished.pop(conn)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's
        """Close idle connections, but not one whose request arrived while this thread was busy."""
        if force:
            super().murder_keepalived(force=True)
        self._give_up(self.keepalived_conns, self.on_client_socket_readable)

    def murder_pending(self) -> None:
        """Close connections that sent nothing in time; within a body the client is told so."""
        self._give_up(self.pending_conns, self.on_pending_socket_readable)
        for conn in _expired(self._unfinished):
            arrived = _peeked(conn.sock)
            if len(arrived) > self._unfinished[conn]:
                self._on_more(conn, conn.sock)
                continue
            self._stop_awaiting(conn)
            if b"\r\n\r\n" in arrived:
                conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, AT_ONCE)
                super().enqueue_req(conn)
            else:
                with suppress(OSError):  # with bytes unread in it, a close would be a reset
                    conn.sock.recv(SMALL)
                self._close(conn)

    def _give_up(
        self, waiting: deque[TConn], take_up: Callable[[TConn, socket.socket], None]
    ) -> None:
        for conn in _expired(waiting):
            if _peeked(conn.sock):
                take_up(conn, conn.sock)
            else:
                waiting.remove(conn)
                self.poller.unregister(conn.sock)
                self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

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


def _expired(waiting: Iterable[TConn]) -> list[TConn]:
    """The connections whose timeout is over; they are sorted by it."""
    now = time.monotonic()
    return list(takewhile(lambda conn: conn.timeout <= now, waiting))


def _arrived(sock: socket.socket) -> tuple[int, int | None]:
    """How many bytes of a request have arrived, and how many it takes to answer it.

    The second is None if a thread has to read it: it is no small POST, it takes long, or there is
    no room to answer it. Everything else can be read and answered without blocking.
    """
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLOUT)
    if poll.poll(0) != [(sock.fileno(), select.POLLIN | select.POLLOUT)]:
        return 0, None
    request = _peeked(sock)
    head, blank, body = request.partition(b"\r\n\r\n")
    if not blank:
        is_head = head[:1].isalpha() and len(head) < SMALL
        return len(request), len(request) + 1 if is_head else None
    is_quick = head.startswith(b"POST ") and not SLOW.match(head)
    lengths = LENGTH.findall(head + b"\r\n") if is_quick else ()
    if len(lengths) != 1 or UNUSUAL.search(head):
        return len(request), None
    wanted = len(request) - len(body) + int(lengths[0])
    return len(request), wanted if wanted <= SMALL else None


def _peeked(sock: socket.socket) -> bytes:
    try:
        return sock.recv(SMALL, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:  # it is gone; whoever reads it is told so
        return b""
