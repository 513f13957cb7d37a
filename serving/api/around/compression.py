"""gzip and deflate: unpacks bodies, and packs responses for clients that accept it.

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
# What zlib calls the format of each; deflate is zlib's own, by RFC 9110.
FORMATS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
ENCODINGS = (*FORMATS,)
PACKABLE = (
    "text/",
    "application/octet-stream",  # tensors
    "application/json",  # and jsonl
    "application/problem+json",
    "application/x-ndjson",
    "application/javascript",
    "image/svg+xml",
)


class UnknownEncoding(UnsupportedMediaType):
    """A Content-Encoding that is not supported; the response names those that are."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Add the encodings that are supported to the usual headers."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", ", ".join(ENCODINGS))]


class Unpacked(io.RawIOBase):
    """The content of a packed stream; a malformed one is a bad request.

    Parameters
    ----------
    encoding : {"gzip", "deflate"}
    large : semaphore
        Acquired if there is much to unpack, until it is closed.
    """

    def __init__(self, packed: BinaryIO, encoding: str, large: threading.Semaphore) -> None:
        self._packed, self._encoding = _Counted(packed), encoding
        self._file: gzip.GzipFile | _Inflated = (
            _Inflated(self._packed)
            if encoding == "deflate"
            else gzip.GzipFile(fileobj=self._packed)
        )
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
            raise BadRequest(f"the body is not {self._encoding}: {error}") from None
        except EOFError:
            raise BadRequest(
                f"the body is incomplete: its {self._encoding} stream has no end"
            ) from None
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


class _Inflated:
    """The content of a zlib stream; raises zlib.error, and EOFError if it has no end."""

    def __init__(self, packed: io.RawIOBase) -> None:
        self._packed, self._inflating = packed, zlib.decompressobj()

    def read1(self, size: int) -> bytes:
        """Read at most so many bytes, none at the end."""
        while not self._inflating.eof:
            received = self._inflating.unconsumed_tail or self._packed.read(io.DEFAULT_BUFFER_SIZE)
            content = self._inflating.decompress(received or b"", size)
            if content:
                return content
            if not received and not self._inflating.eof:
                raise EOFError
        return b""


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
        encoding = encoding.removeprefix("x-")
        if encoding not in ENCODINGS:
            raise UnknownEncoding(
                f"Content-Encoding {encoding!r} is not supported; send gzip, deflate or none"
            )
        packed = get_input_stream(request.environ, max_content_length=max_bytes)
        g.unpacked = Unpacked(cast("BinaryIO", packed), encoding, large)
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
        encoding = accepted_encoding(request.headers.get("Accept-Encoding", ""))
        if not encoding:
            return response
        if response.is_streamed and not response.direct_passthrough:
            response.response = _packed_stream(
                cast("Iterable[bytes]", response.response), FORMATS[encoding]
            )
        else:
            response.direct_passthrough = False
            content = response.get_data()
            if len(content) < MIN_BYTES:
                return response
            response.set_data(packed(content, encoding))
        response.headers["Content-Encoding"] = encoding
        response.headers.pop("Accept-Ranges", None)
        if tag := response.get_etag()[0]:
            response.set_etag(tag, weak=True)
        return response


def accepted_encoding(header: str) -> str:
    """Return the encoding that an Accept-Encoding prefers; empty for none."""
    if "gzip" not in header and "deflate" not in header:
        return ""
    best = parse_accept_header(header, Accept).best_match([*ENCODINGS, "identity"])
    return best if best in ENCODINGS else ""


def packed(content: bytes, encoding: str) -> bytes:
    """Pack content."""
    packing = zlib.compressobj(LEVEL, wbits=FORMATS[encoding])
    return packing.compress(content) + packing.flush()


def _may_be_packed(response: Response) -> bool:
    return (
        (response.mimetype or "").startswith(PACKABLE)
        and response.status_code not in {204, 206, 304}
        and not response.cache_control.no_transform
        and "Content-Encoding" not in response.headers
    )


def _packed_stream(pieces: Iterable[bytes], wbits: int) -> Iterator[bytes]:
    """Pack each piece as it comes, so that the client need not wait for the next."""
    packing = zlib.compressobj(LEVEL, wbits=wbits)
    for piece in pieces:
        yield packing.compress(piece) + packing.flush(zlib.Z_SYNC_FLUSH)
    yield packing.flush()
