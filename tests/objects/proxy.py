"""A proxy in front of a server of S3's protocol that fails as networks and servers do."""

import socket
import threading
import time
from contextlib import suppress
from typing import Literal

Mode = Literal[
    "through", "slow", "narrow", "silent", "503", "500", "403", "404", "lost", "half", "wrong"
]
ERRORS: dict[Mode, tuple[str, str]] = {
    "503": ("Slow Down", ""),
    "500": ("Internal Server Error", "<Error><Code>InternalError</Code></Error>"),
    "403": ("Forbidden", "<Error><Code>AccessDenied</Code></Error>"),
    "404": ("Not Found", "<Error><Code>NoSuchBucket</Code></Error>"),
}
DELAY = 0.3  # seconds, of each part of a response
NARROW = 200_000  # bytes of requests that pass in a second


class Proxy:
    """Forwards connections, and fails.

    `slow` delays what is sent back, `narrow` what is sent; `silent` does not respond. A status is
    that of every response. `lost` breaks off where a response to a PUT begins,
    `half` in the middle of every response; `wrong` alters the last byte of what is no XML.
    """

    def __init__(self, port: int) -> None:
        self.mode: Mode = "through"
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def turn(self, mode: Mode) -> None:
        """Fail from now on, also on connections that are open."""
        self.mode = mode
        while self._open:
            _close(self._open.pop())

    def close(self) -> None:
        self._listener.close()
        self.turn("503")

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        mode = self.mode
        self._open.append(client)
        with suppress(OSError):
            if mode == "silent":
                return
            if mode in ERRORS:
                client.recv(65_536)
                reason, body = ERRORS[mode]
                head = f"HTTP/1.1 {mode} {reason}\r\nContent-Length: {len(body)}"
                client.sendall(f"{head}\r\nConnection: close\r\n\r\n{body}".encode())
                _close(client)
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._open.append(server)
            seen = bytearray()
            args = (client, server, seen, mode)
            threading.Thread(target=_requests, args=args, daemon=True).start()
            while part := server.recv(65_536):
                if mode == "slow":
                    time.sleep(DELAY)
                if mode == "lost" and seen.startswith(b"PUT"):
                    break
                if mode == "half":
                    client.sendall(part[: len(part) // 2])
                    break
                if mode == "wrong" and not part.endswith((b">", b"\r\n")):
                    part = part[:-1] + bytes([part[-1] ^ 1])
                client.sendall(part)
                seen.clear()
            _close(server)
        _close(client)


def _requests(client: socket.socket, server: socket.socket, seen: bytearray, mode: Mode) -> None:
    with suppress(OSError):
        while part := client.recv(65_536):
            if not seen:
                seen += part[:3]
            if mode == "narrow":
                time.sleep(len(part) / NARROW)
            server.sendall(part)
    if mode != "lost":
        _close(server)


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
