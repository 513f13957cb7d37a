"""The collector's side of `JOURNAL_REQUIRED=store`: it sends notices of commits.

Processes that write the journal connect to a Unix socket in its folder. A byte from one of them
means that it has written a line; each notice to them is a line of JSON.
"""

import os
import selectors
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import cast

import msgspec

SOCKET = "collector.sock"
RECENT = 1_024  # segments whose positions a new connection gets
PIECE = 2**16


class Notice(msgspec.Struct, omit_defaults=True):
    """What the collector has done, or why it cannot.

    Attributes
    ----------
    reached : dict of str to int
        How many bytes of a segment are in the store, by the name of its file.
    reason : str
        Why the journal cannot be moved into the store, for any client to read; empty if it was.
    """

    reached: dict[str, int] = {}
    reason: str = ""


class Feed:
    """Sends notices to all who are connected."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._recent: dict[str, int] = {}
        self._reason = ""
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._selector = selectors.DefaultSelector()

    def fileno(self) -> int:
        """Readable when somebody connects, or has written a line."""
        return self._selector.fileno()

    def receive(self) -> None:
        """Accept new connections, and read what was sent on the others."""
        if not self._listener:
            self._listen()
        for key, _ in self._selector.select(0):
            sender = cast("socket.socket", key.fileobj)
            if sender is self._listener:
                self._accept(sender)
            else:
                self._read(sender)

    def report(self, reached: Mapping[str, int]) -> None:
        """Send how far segments are committed; an empty notice means that all works."""
        self._reason = ""
        for name, position in reached.items():
            self._recent.pop(name, None)  # so that the latest are the last
            self._recent[name] = position
        while len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]
        self._send(Notice({**reached}))

    def fail(self, reason: str) -> None:
        """Send why nothing can be committed."""
        self._reason = reason
        self._send(Notice(reason=reason))

    def close(self) -> None:
        """Close all connections."""
        for each in [*self._connections]:
            self._drop(each)
        self._selector.close()
        if self._listener:
            self._listener.close()

    def _listen(self) -> None:
        """Listen; if that is not possible now, as on a full disk, it is tried again."""
        with ExitStack() as unless_bound, suppress(OSError):
            listener = unless_bound.enter_context(socket.socket(socket.AF_UNIX))
            listener.settimeout(0)
            (self._folder / SOCKET).unlink(missing_ok=True)
            with address(self._folder) as path:
                listener.bind(path)
            listener.listen(socket.SOMAXCONN)
            self._selector.register(listener, selectors.EVENT_READ)
            unless_bound.pop_all()
            self._listener = listener

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            connection.settimeout(0)
            self._connections.add(connection)
            self._selector.register(connection, selectors.EVENT_READ)
            self._send_to(connection, _encode(Notice(self._recent, self._reason)))

    def _read(self, connection: socket.socket) -> None:
        try:
            if connection.recv(PIECE):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(connection)

    def _send(self, notice: Notice) -> None:
        line = _encode(notice)
        for each in [*self._connections]:
            self._send_to(each, line)

    def _send_to(self, connection: socket.socket, line: bytes) -> None:
        """Send a line; who does not read is dropped, and gets what is recent when it connects."""
        try:
            if connection.send(line) == len(line):
                return
        except OSError:
            pass
        self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection)
        connection.close()


@contextmanager
def address(folder: Path) -> Iterator[str]:
    """Name the socket of a journal so that a long path is no longer than an address may be."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        linked = Path(f"/proc/self/fd/{descriptor}")
        yield str((linked if linked.exists() else folder) / SOCKET)
    finally:
        os.close(descriptor)


def _encode(notice: Notice) -> bytes:
    return msgspec.json.encode(notice) + b"\n"
