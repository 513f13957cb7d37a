"""gzip in both directions: unpacks bodies, and packs responses for clients that accept it.

A body may unpack to no more bytes than one that is sent unpacked may have.
"""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

from flask import Flask, Response, request
from werkzeug.datastructures import Accept
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.http import parse_accept_header
from werkzeug.wsgi import get_input_stream

from serving.settings import Settings

MIN_BYTES = 1024  # of a response that is worth packing
LEVEL = 1  # a third of the time of the usual 6, for a tenth more bytes
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
    """The content of a gzip stream; a malformed one is a bad request."""

    def __init__(self, packed: BinaryIO) -> None:
        self._file = gzip.GzipFile(fileobj=packed)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Unpack at most as many bytes as fit in the buffer."""
        try:
            content = self._file.read1(len(buffer))
        except (gzip.BadGzipFile, zlib.error) as error:
            raise BadRequest(f"the body is not gzip: {error}") from None
        except EOFError:
            raise BadRequest("the body is incomplete: its gzip stream has no end") from None
        buffer[: len(content)] = content
        return len(content)


def register(app: Flask, settings: Settings) -> None:
    """Unpack the bodies that an app receives, and pack the responses that it sends."""
    max_bytes = max(settings.max_body_bytes, settings.max_stream_bytes)

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
        request.environ["wsgi.input"] = Unpacked(cast("BinaryIO", packed))
        request.environ["wsgi.input_terminated"] = True
        request.environ.pop("CONTENT_LENGTH", None)

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
