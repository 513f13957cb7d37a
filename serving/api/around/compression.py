"""gzip in both directions: unpacks bodies, and packs responses for clients that accept it.

A body may unpack to no more bytes than one that is sent unpacked may have, nor, if it is large, to
more than a hundred times its size. Of large ones, only a few are unpacked at the same time.
"""

import gzip
import io
import threading
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

from flask import Flask, Response, g, request
from werkzeug.datastructures import Accept
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.http import parse_accept_header
from werkzeug.wsgi import get_input_stream

from serving.errors import NoRoom
from serving.settings import Settings

MIN_BYTES = 1024  # of a response that is worth packing
LEVEL = 1  # a third of the time of the usual 6, for a tenth more bytes
MAX_RATIO = 100  # tables are packed to a tenth, seldom to a thirtieth
ANY_RATIO = 2**24  # bytes to which any body may unpack
LARGE = 2**20  # bytes of an unpacked body
MAX_LARGE = 2  # that a worker unpacks at the same time
GZIP = 16 + zlib.MAX_WBITS  # what zlib calls the format
PACKABLE = (
    "text/",
    "application/json",  # and jsonl
    "application/problem+json",
    "application/x-ndjson",
    "application/javascript",
    "image/svg+xml",
)


class UnknownEncoding(UnsupportedMediaType):
    """A Content-Encoding that is not supported; the response names the one that is."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add the encoding that is supported to the usual headers."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "gzip")]


class Unpacked(io.RawIOBase):
    """The content of a gzip stream; a malformed one is a bad request.

    Parameters
    ----------
    large : semaphore
        Acquired if there is much to unpack, until it is closed.
    """

    def __init__(self, packed: BinaryIO, large: threading.Semaphore) -> None:
        self._packed = _Counted(packed)
        self._file = gzip.GzipFile(fileobj=self._packed)
        self._large, self._is_large, self._unpacked = large, False, 0

    def readable(self) -> bool:
        """Make it a stream for reading, which io.RawIOBase alone is not."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Unpack at most as many bytes as fit in the buffer.

        Raises
        ------
        BadRequest
        NoRoom
            If it is large, and others are unpacked.
        """
        try:
            content = self._file.read1(len(buffer))
        except (gzip.BadGzipFile, zlib.error) as error:
            raise BadRequest(f"the body is not gzip: {error}") from None
        except EOFError:
            raise BadRequest("the body is incomplete: its gzip stream has no end") from None
        self._unpacked += len(content)
        if self._unpacked > max(ANY_RATIO, MAX_RATIO * self._packed.count):
            raise BadRequest(f"the body unpacks to more than {MAX_RATIO} times its size")
        if self._unpacked > LARGE and not self._is_large:
            self._is_large = self._large.acquire(blocking=False)
            if not self._is_large:
                raise NoRoom("other large gzip bodies are being unpacked; send it again later")
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Let others unpack."""
        if self._is_large:
            self._is_large = False
            self._large.release()
        super().close()


class _Counted(io.RawIOBase):
    """A stream, and how many bytes of it were read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.count = stream, 0

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes, and count them."""
        content = self._stream.read(size)
        self.count += len(content)
        return content


def register(app: Flask, settings: Settings) -> None:
    """Unpack the bodies that an app receives, and pack the responses that it sends."""
    _unpack_bodies(app, settings)
    _pack_responses(app)


def _unpack_bodies(app: Flask, settings: Settings) -> None:
    max_bytes = max(settings.max_body_bytes, settings.max_stream_bytes)
    large = threading.Semaphore(MAX_LARGE)

    @app.before_request
    def unpack() -> None:
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding == "identity":
            return
        if encoding not in {"gzip", "x-gzip"}:
            raise UnknownEncoding(
                f"Content-Encoding {encoding!r} is not supported; send gzip, or none"
            )
        packed = get_input_stream(request.environ, max_content_length=max_bytes)
        g.unpacked = Unpacked(cast("BinaryIO", packed), large)
        request.environ["wsgi.input"] = g.unpacked
        request.environ["wsgi.input_terminated"] = True
        request.environ.pop("CONTENT_LENGTH", None)

    @app.teardown_request
    def close(_: object) -> None:
        if "unpacked" in g:
            g.unpacked.close()


def _pack_responses(app: Flask) -> None:
    @app.after_request
    def pack(response: Response) -> Response:
        if not _may_be_packed(response):
            return response
        response.vary.add("Accept-Encoding")
        if not takes_gzip(request.headers.get("Accept-Encoding", "")):
            return response
        if response.is_streamed and not response.direct_passthrough:
            response.response = _packed_stream(cast("Iterable[bytes]", response.response))
        else:
            response.direct_passthrough = False
            content = response.get_data()
            if len(content) < MIN_BYTES:
                return response
            response.set_data(packed(content))
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("Accept-Ranges", None)
        if tag := response.get_etag()[0]:
            response.set_etag(tag, weak=True)
        return response


def takes_gzip(header: str) -> bool:
    """Whether an Accept-Encoding prefers gzip to nothing."""
    accepted = parse_accept_header(header, Accept)
    return "gzip" in header and accepted.best_match(["gzip", "identity"]) == "gzip"


def packed(content: bytes) -> bytes:
    """The content as gzip."""
    return gzip.compress(content, LEVEL, mtime=0)


def _may_be_packed(response: Response) -> bool:
    return (
        (response.mimetype or "").startswith(PACKABLE)
        and response.status_code not in {204, 206, 304}
        and "Content-Encoding" not in response.headers
    )


def _packed_stream(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pack each piece as it comes, so that the client need not wait for the next."""
    packing = zlib.compressobj(LEVEL, wbits=GZIP)
    for piece in pieces:
        yield packing.compress(piece) + packing.flush(zlib.Z_SYNC_FLUSH)
    yield packing.flush()
