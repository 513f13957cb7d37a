"""The worker that gunicorn runs the service in: greenlets wait for clients, threads compute.

A greenlet for each connection is written as if it blocked (client.py). It answers plain requests
from the bytes as they came (plain.py), large ones in threads, and gives all others to gunicorn's
parser and to the app, which runs in threads (threads.py). So nothing that another request needs
ever waits for a client.

Nothing is monkey-patched: threads, locks and sockets of the service and its libraries stay what
they are, and only connections of clients are gevent's business.

What is overridden of gunicorn; a test fails when a release changes any of it:

=====================  =============================================================================
`GeventWorker.patch`   patches the standard library, and makes listening sockets gevent's
`GeventWorker.notify`  looks for clients that are too slow
`GeventWorker.run`     accepts connections, waits for the end of the worker and of its requests
`AsyncWorker.handle`   reads the requests of a connection and has `handle_request` answer each
`Worker.handle_error`  in parser_errors.py: answers a request that cannot be read
`util.write_error`     in parser_errors.py: writes that answer
=====================  =============================================================================
"""

import errno
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import gevent
from gevent.pool import Group
from gevent.threadpool import ThreadPool
from gunicorn.http import get_parser
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.ggevent import GeventWorker

from serving.server import waiting
from serving.server.client import PIECE, Client, Pace
from serving.server.parser_errors import ProblemWorker
from serving.server.plain import END, PlainRequests
from serving.server.sharing import Share
from serving.server.threads import Threads
from serving.settings import Settings

MAX_FILES = 2**14  # open ones, a few more than connections
MAX_HEAD = 2**16  # bytes in which a head ends, or gunicorn refuses it
TICK = 0.5  # seconds between two looks at what is late
SWITCH = 0.0005  # seconds after which a thread that computes lets the greenlets go on
GRACE = 5  # seconds in which a stopping worker waits for requests; proxies keep no idle one longer
GONE = {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF, None}  # None: too slow


class Worker(ProblemWorker, GeventWorker):
    """gunicorn's gevent worker, with its own way to accept connections and to read requests.

    A connection waits in the listening socket's queue until a worker takes it. A stopping worker
    accepts all that are queued and then closes the socket, so later clients are refused instead
    of cut off. The next response on each connection has `Connection: close`, so that nobody sends
    on a connection which is just being closed.
    """

    settings = Settings()
    on_stop: Callable[[], None] | None = None
    sockets: list[socket.socket]
    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._greenlets = Group()
        self.share = Share(self.age, self._greenlets)
        self._clients: set[Client] = set()
        self._idle: set[Client] = set()  # without a request
        limits = self.settings
        self._pace = Pace(
            self.cfg.keepalive or 0,
            limits.max_head_seconds,
            limits.max_stall_seconds,
            limits.min_bytes_per_second,
        )

    def patch(self) -> None:
        """Patch nothing."""
        self.sockets = [each.sock for each in cast("Any", self.sockets)]
        self._names = {each: each.getsockname() for each in self.sockets}

    def run(self) -> None:
        """Accept connections until the worker is stopped, then end all of their requests."""
        sys.setswitchinterval(SWITCH)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MAX_FILES), hard))
        front = getattr(self.wsgi, "extensions", {}).get("front")
        self._plain = None
        if front:
            commits = self.wsgi.extensions["commits"]
            if commits:
                waiting.follow(commits)
            pool = waiting.Slots if commits else ThreadPool
            self.wsgi = Threads(self.wsgi, front, self.cfg.threads, pool)
            if not os.environ.get("SCRIPT_NAME"):  # which gunicorn would cut off from paths
                self._plain = PlainRequests(front, self.wsgi.compute)
        self.share.count()
        accepting = [gevent.spawn(self._accept_all, each) for each in self.sockets]
        while self.alive:
            self.notify()
            gevent.sleep(TICK)
        gevent.killall(accepting)
        self._stop()

    def notify(self) -> None:
        """Send the heartbeat, and give up the clients that are too slow."""
        super().notify()
        now = time.monotonic()
        for client in self._clients:
            client.give_up_if_late(now)

    def _accept_all(self, listener: socket.socket) -> None:
        connections = gevent.get_hub().loop.io(listener.fileno(), 1)
        while True:
            gevent.socket.wait(connections)
            if (wait := self.share.head_start()) > 0:
                gevent.sleep(wait)
            while len(self._greenlets) >= self.cfg.worker_connections:
                gevent.sleep(0.05)
            try:
                self.accept(listener)
            except BlockingIOError:  # another worker was faster
                pass
            except OSError as error:  # there are no more files, say
                self.log.error("a connection cannot be accepted: %s", error)  # noqa: TRY400
                gevent.sleep(0.5)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection.

        Raises
        ------
        OSError
            BlockingIOError if there is none.
        """
        accepted, address = listener.accept()
        self._greenlets.spawn(self.handle, listener, Client(accepted, self._pace), address)
        self.share.take()

    def _stop(self) -> None:
        """End each connection after its request, for as long as gunicorn lets a stop take."""
        for listener in self.sockets:
            with suppress(OSError):
                while True:
                    self.accept(listener)
            listener.close()
        if self.on_stop:
            self.on_stop()
        began = time.monotonic()
        while self._greenlets and time.monotonic() - began < self.cfg.graceful_timeout:
            for client in [*self._idle] if time.monotonic() - began > GRACE else ():
                with suppress(OSError):  # what has arrived is still read
                    client.shutdown(socket.SHUT_RD)
            self.notify()
            gevent.sleep(0.1)
        if self._greenlets:
            self.log.warning("%d requests are cut off by the stop", len(self._greenlets))
            self._greenlets.kill(timeout=1)

    def handle(self, listener: socket.socket, client: Client, addr: Any) -> None:
        """Answer the requests of a connection."""
        self._clients.add(client)
        try:
            is_first = True
            while self._answer(listener, client, addr, is_first=is_first):
                is_first = False
            client.finish()
        except OSError as error:
            if error.errno not in GONE:
                self.log.exception("a connection failed")
        finally:
            self._clients.discard(client)
            client.close()
            self._greenlets.discard(gevent.getcurrent())
            self.share.count()

    def _answer(
        self, listener: socket.socket, client: Client, addr: Any, *, is_first: bool
    ) -> bool:
        """Answer one request; return whether there may be another one."""
        received = self._head(client, self._first_bytes(client, is_first=is_first))
        if not received:
            return False
        client.await_rest()
        if self._plain and self._goes_on:
            unanswered = self._plain.answer(client, received, addr)
            if unanswered is None:
                self.nr += 1
                return True
            received = unanswered
        client.put_back(received)
        return self._answer_parsed(listener, client, addr)

    @property
    def _goes_on(self) -> bool:
        """Whether neither this connection nor this worker ends with the next response."""
        return bool(self.alive and self.cfg.keepalive and self.nr + 1 < self.max_requests)

    def _answer_parsed(self, listener: socket.socket, client: Client, addr: Any) -> bool:
        """Have gunicorn parse a request, and the app answer it."""
        request = None
        try:
            parser = get_parser(self.cfg, client, addr)
            request = next(parser)
            self.handle_request(self._names[listener], request, client, addr)
            if not parser.finish_body():
                return False
            client.put_back(parser.unreader.take_buffered())
        except (NoMoreData, StopIteration, TimeoutError):
            return False
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 # why: it is answered, whatever it is
            self.handle_error(request, client, addr, error)
            return False
        return True

    @staticmethod
    def _head(client: Client, received: bytes) -> bytes:
        """Receive the rest of a head; return nothing if the client ends within it."""
        if received and END not in received:
            client.await_head(client.pace.head)
        while received and END not in received and len(received) < MAX_HEAD:
            more = client.recv(PIECE)
            received = received + more if more else b""
        return received

    def _first_bytes(self, client: Client, *, is_first: bool) -> bytes:
        """Wait for a request; return nothing if none comes."""
        client.await_head(self._pace.head if is_first else self._pace.idle)
        self._idle.add(client)
        try:
            client.wait_readable()
            return client.recv(PIECE)
        except TimeoutError:
            return b""
        finally:
            self._idle.discard(client)
