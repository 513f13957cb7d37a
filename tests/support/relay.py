"""What stands between the service and its database, and may swallow, or break off a commit."""

import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)  # a close sends a reset
DONE = b"INSERT 0 1\0"  # by which the server confirms a row


class Relay:
    """Passes connections on to a server.

    Attributes
    ----------
    swallows : bool
        Whether all that arrives is acknowledged and lost, as behind a broken network.
    resets : int
        How many commits are passed on whose confirmation is lost with their connection.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = url.replace(f":{parts.port}/", f":{port}/")
        self.swallows, self.resets = False, 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the end
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server, suppress(OSError):
            while True:
                for each in select.select([client, server], [], [])[0]:
                    content = each.recv(2**16)
                    if not content:
                        return
                    if self.resets and each is server and DONE in content:
                        self.resets -= 1
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                        return
                    if not self.swallows:
                        (server if each is client else client).sendall(content)


@contextmanager
def relayed(url: str) -> Iterator[Relay]:
    """Relay connections to a database as long as the block lasts."""
    relay = Relay(url)
    try:
        yield relay
    finally:
        relay.close()
