"""A client's connection, written as if it blocked; meanwhile the greenlets of others run."""

import math
import socket
import time
from contextlib import suppress
from typing import Any, NamedTuple

import gevent

LINGER = 2  # seconds in which a client may read the rest of a response before the close
PIECE = 2**16
YIELD = 2**18  # bytes that are read without letting others run
PATIENCE = 1  # seconds after which a client that sends no more is asked whether it still reads
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # which every client passes over
READABLE, WRITABLE = 1, 2  # what libev calls them


class Pace(NamedTuple):
    """How slow a client may be.

    Attributes
    ----------
    idle : float
        Seconds that a connection is kept without a request.
    head : float
        Seconds in which the head of a request has to arrive.
    stall : float
        Seconds that a client may keep its request waiting, be it the body or the response.
    rate : float
        Bytes a second by which it may be kept waiting longer.
    """

    idle: float
    head: float = 10
    stall: float = 10
    rate: float = 500


class Client(socket.socket):
    """A connection whose `recv` and `sendall` let others run, and end where a client is too slow.

    Only the time that is spent waiting for the client counts. Both raise TimeoutError.
    """

    def __init__(self, accepted: socket.socket, pace: Pace) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.settimeout(0)
        self.pace = pace
        self._left, self._max, self._rate = pace.head, pace.head, 0.0
        self._unyielded, self._ended = 0, math.inf
        self._returned = memoryview(b"")
        self._hub, self._deadline = gevent.get_hub(), math.inf
        io = self._hub.loop.io
        self._readable, self._writable = io(self.fileno(), READABLE), io(self.fileno(), WRITABLE)

    def await_head(self, seconds: float) -> None:
        """From now on, wait so long in all for what is received."""
        self._left, self._max, self._rate = seconds, seconds, 0.0

    def await_rest(self) -> None:
        """From now on, wait longer for a client that receives or sends at the least rate."""
        self._left, self._max, self._rate = self.pace.stall, self.pace.stall, self.pace.rate

    def wait_readable(self) -> None:
        """Wait until something can be received; if something can, let others run all the same."""
        if self._returned:
            gevent.sleep(0)
        else:
            self._wait(self._readable)

    def put_back(self, content: bytes) -> None:
        """Have `recv` return this again, before anything else."""
        self._returned = memoryview(content + bytes(self._returned))

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive what is there, at least a byte; nothing where the client has ended."""
        if self._returned:
            content, self._returned = bytes(self._returned[:size]), self._returned[size:]
            return self._counted(content)
        while True:
            with suppress(BlockingIOError):
                return self._gained(super().recv(size, flags))
            try:
                self._wait(self._readable)
            except TimeoutError:
                with suppress(BlockingIOError):  # it came while others kept the processor
                    return self._gained(super().recv(size, flags))
                raise

    def sendall(self, content: Any, flags: int = 0) -> None:
        """Send everything."""
        try:
            sent = super().send(content, flags)
        except BlockingIOError:
            sent = 0
        if sent == len(content):
            return
        rest = memoryview(content)[sent:]
        while rest:
            try:
                sent = super().send(rest, flags)
            except BlockingIOError:
                self._wait(self._writable)
            else:
                self._gain(sent)
                rest = rest[sent:]

    def send_both(self, head: bytes, body: bytes) -> None:
        """Send everything of a response, without a copy of a large body."""
        if len(body) < PIECE:
            self.sendall(head + body)
            return
        try:
            sent = super().sendmsg((head, body))
        except BlockingIOError:
            sent = 0
        for part in (head, body):
            if sent < len(part):
                self.sendall(memoryview(part)[sent:])
            sent = max(0, sent - len(part))

    def has_left(self) -> bool:
        """Whether nobody waits for a response that has not begun; may be called from any thread.

        A client that sends no more may still read, and looks as one that has gone. Only a packet
        to it tells which, so it gets one if the response takes long.
        """
        try:
            if super().recv(1, socket.MSG_PEEK):
                return False
            now = time.monotonic()
            self._ended = min(self._ended, now)
            if now > self._ended + PATIENCE:
                self._ended = math.inf
                super().send(CONTINUE)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False

    def finish(self) -> None:
        """Close, after the client has read what was sent.

        A close with bytes unread would be a reset, which takes back what the client has not read.
        """
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            self.await_head(LINGER)
            until = time.monotonic() + LINGER
            while self.recv(PIECE) and time.monotonic() < until:
                pass
        self.close()

    def close(self) -> None:
        """Close at once."""
        if self.fileno() >= 0:
            self._readable.close()
            self._writable.close()
        super().close()

    def give_up_if_late(self, now: float) -> None:
        """End a wait that has taken too long; called every now and then for each connection.

        A timer for each wait would take longer than all else here.
        """
        if now > self._deadline:
            for event in (self._readable, self._writable):
                self._hub.cancel_wait(event, TimeoutError())

    def _wait(self, event: Any) -> None:
        self._unyielded = 0
        if self._left <= 0:
            raise TimeoutError
        self._deadline = time.monotonic() + self._left
        try:
            self._hub.wait(event)
        finally:
            self._left, self._deadline = self._deadline - time.monotonic(), math.inf

    def _gained(self, content: bytes) -> bytes:
        self._gain(len(content))
        return self._counted(content)

    def _counted(self, content: bytes) -> bytes:
        self._unyielded += len(content)
        if self._unyielded > YIELD:  # whoever sends faster than we read never has us wait
            self._unyielded = 0
            gevent.sleep(0)
        return content

    def _gain(self, count: int) -> None:
        if self._rate:
            self._left = min(self._left + count / self._rate, self._max)
