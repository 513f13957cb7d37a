"""Rejects a body that ends too early, so that no part of one is taken for the whole."""

import io
from typing import TYPE_CHECKING, Any, BinaryIO

from flask import Flask, request
from werkzeug.exceptions import BadRequest, RequestTimeout
from werkzeug.wsgi import get_content_length

from serving.errors import ServingError

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream


class Body(io.RawIOBase):
    """The body that a client sends; raises the same HTTP errors whichever server reads it.

    Parameters
    ----------
    sent : stream
        `wsgi.input`. Servers end it where the connection ends, and each has its own errors for
        malformed chunks.
    length : int, optional
        The Content-Length; None for a body in chunks, which mark their own end.
    """

    def __init__(self, sent: "InputStream | BinaryIO", length: int | None) -> None:
        self._sent, self._length, self._read = sent, length, 0

    def readable(self) -> bool:
        """Make it a stream for reading, which io.RawIOBase alone is not."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read at most as many bytes as fit in the buffer.

        Raises
        ------
        BadRequest
            If it ends before Content-Length, or its chunks are malformed.
        RequestTimeout
            If the client stops sending.
        """
        left = None if self._length is None else self._length - self._read
        size = len(buffer) if left is None else min(len(buffer), left)
        try:
            content = self._sent.read(size)
        except (TimeoutError, BlockingIOError):  # of a socket with a timeout
            raise RequestTimeout("the body did not arrive in time") from None
        except ServingError:  # NoRoom, of a server that keeps the body itself
            raise
        except Exception as error:  # why: gunicorn, its C parser and Werkzeug each raise their own
            raise BadRequest(
                "the body cannot be read to its end: its chunks are malformed, or the connection "
                "ended within it"
            ) from error
        if left and not content:
            raise BadRequest(
                f"the body ends after {self._read} of the {self._length} bytes of its "
                "Content-Length: nothing of it is used"
            )
        self._read += len(content)
        buffer[: len(content)] = content
        return len(content)


def register(app: Flask) -> None:
    """Check that every body of an app is complete."""

    @app.before_request
    def read_whole() -> None:
        environ = request.environ
        # Not `request.content_length`: it would stay what it is now, when a body is unpacked.
        environ["wsgi.input"] = Body(environ["wsgi.input"], get_content_length(environ))
