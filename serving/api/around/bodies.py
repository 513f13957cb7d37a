"""The body of a request, whole or not at all: what ends too early is no shorter body."""

import io
from typing import TYPE_CHECKING, Any, BinaryIO

from flask import Flask, request
from werkzeug.exceptions import BadRequest, RequestTimeout
from werkzeug.wsgi import get_content_length

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream


class Body(io.RawIOBase):
    """What a client sends; a part of it raises an HTTP error, whatever server reads it.

    Parameters
    ----------
    sent : stream
        `wsgi.input`. Servers let it end where the connection does, and have each their own errors
        for chunks that are none.
    length : int, optional
        What Content-Length says; None for a body in chunks, which tell their end themselves.
    """

    def __init__(self, sent: "InputStream | BinaryIO", length: int | None) -> None:
        self._sent, self._length, self._read = sent, length, 0

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read so much as there is room for.

        Raises
        ------
        BadRequest
            If it ends before Content-Length, or its chunks are not as HTTP/1.1 has them.
        RequestTimeout
            If the client falls silent.
        """
        left = None if self._length is None else self._length - self._read
        size = len(buffer) if left is None else min(len(buffer), left)
        try:
            content = self._sent.read(size)
        except (TimeoutError, BlockingIOError):  # of a socket with a limit to its silence
            raise RequestTimeout("the body did not arrive in time") from None
        except Exception as error:  # why: gunicorn, its C parser and Werkzeug have each their own
            raise BadRequest(
                "the body cannot be read to its end: its chunks are not as HTTP/1.1 has them, or "
                "the connection ended within it"
            ) from error
        if left and not content:
            raise BadRequest(
                f"the body ends after {self._read} of the {self._length} bytes that Content-Length "
                "tells: nothing of it is used"
            )
        self._read += len(content)
        buffer[: len(content)] = content
        return len(content)


class Failed(io.RawIOBase):
    """A body whose reading has failed before; it fails so again."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def readable(self) -> bool:
        """Whether it can be read: an attempt says why not."""
        return True

    def read(self, _: int = -1) -> bytes:
        """Raise the error."""
        raise self._error


def register(app: Flask) -> None:
    """Have every body of an app read whole; to come before what unpacks it."""

    @app.before_request
    def read_whole() -> None:
        environ = request.environ
        # Not `request.content_length`: it would stay what it is now, when a body is unpacked.
        environ["wsgi.input"] = Body(environ["wsgi.input"], get_content_length(environ))
