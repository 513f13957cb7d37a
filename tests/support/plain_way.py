"""Asks an app as its server does: plain requests in their bytes first, all others through Flask."""

from typing import Any, BinaryIO

from flask import Flask

from serving.server.plain import PlainRequests

WAYS = ("plain requests first", "through Flask alone")


class Client:
    """A connection: it receives a body, and keeps what is sent to it."""

    sent = b""

    def __init__(self, body: BinaryIO) -> None:
        self.recv = body.read

    def send_both(self, head: bytes, body: bytes) -> None:
        self.sent += head + body


class PlainFirst:
    """A WSGI app that answers what the server would answer without the one that it is given."""

    def __init__(self, app: Flask) -> None:
        self._flask = app.wsgi_app
        self._plain = PlainRequests(app.extensions["front"], lambda call, *given: call(*given))
        self.answered = 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"]
        position, client = body.tell(), Client(body)
        if self._plain.answer(client, _head(environ), (environ["REMOTE_ADDR"], 1)) is not None:
            body.seek(position)
            return self._flask(environ, start_response)
        self.answered += 1
        answered, _, content = client.sent.partition(b"\r\n\r\n")
        status, *lines = answered.decode("latin-1").split("\r\n")
        pairs = [tuple(line.split(": ", 1)) for line in lines]
        own = {"Server", "Date", "Connection"}
        start_response(status.split(" ", 1)[1], [pair for pair in pairs if pair[0] not in own])
        return [content]


def _head(environ: Any) -> bytes:
    """The head of a request, as a client would send it."""
    path = environ.get("RAW_URI") or environ["REQUEST_URI"]
    lines = [f"{environ['REQUEST_METHOD']} {path} {environ['SERVER_PROTOCOL']}"]
    names = {"CONTENT_TYPE": "Content-Type", "CONTENT_LENGTH": "Content-Length"}
    for key, value in environ.items():
        name = names.get(key) or (key.startswith("HTTP_") and key[5:].replace("_", "-").title())
        if name:
            lines.append(f"{name}: {value}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def ask(app: Flask, way: str) -> Flask:
    """Have the test client of an app ask it in one of the WAYS."""
    if way == WAYS[0]:
        app.wsgi_app = PlainFirst(app)
    return app
