"""Plain requests, read and answered in the bytes as they came.

Parsing a request into an environment, and Flask's routing, contexts and response objects cost
several times what a prediction does. A small POST to a path that takes plain requests is read here
if all of its headers are known and none is unusual; any other request is gunicorn's to parse.
"""

import os
import re
import time
from functools import lru_cache
from typing import Any, NamedTuple

from gunicorn import SERVER, util

from serving import log
from serving.front import SMALL, Front, PlainRequest
from serving.server.client import Client

END = b"\r\n\r\n"
MAX_HEAD = 4_096
REQUEST_LINE = re.compile(rb"POST (/[\w/.~-]*) HTTP/1\.1")
TEXT = rb"[\t\x20-\x7e]*"
LENGTH, REQUEST_ID, ACCEPT_ENCODING = b"content-length", b"x-request-id", b"accept-encoding"
AUTHORIZATION, X_API_KEY = b"authorization", b"x-api-key"
SENT_ON = (REQUEST_ID, ACCEPT_ENCODING, AUTHORIZATION, X_API_KEY)  # to the app
# Whatever else a header may contain, and every other header, is left to gunicorn and Flask.
HEADERS = {
    name: re.compile(value)
    for name, value in {
        b"host": rb"[\w.-]+(?::\d{1,5})?|\[[0-9a-fA-F:]+\](?::\d{1,5})?",
        b"user-agent": TEXT,
        b"accept": rb"\*/\*|application/json(?:, \*/\*)?",
        ACCEPT_ENCODING: TEXT,
        b"accept-language": TEXT,
        b"connection": rb"[Kk]eep-[Aa]live",
        b"content-type": rb"application/json|application/x-www-form-urlencoded",
        LENGTH: rb"0|[1-9]\d{0,4}",
        REQUEST_ID: TEXT,
        AUTHORIZATION: TEXT,
        X_API_KEY: TEXT,
        b"traceparent": TEXT,
        b"x-forwarded-for": TEXT,
        b"x-real-ip": TEXT,
    }.items()
}


class Head(NamedTuple):
    """The head of a plain request; its body is from `start` to `end`."""

    path: str
    start: int
    end: int
    request_id: str
    accept_encoding: str
    authorization: str
    x_api_key: str


@lru_cache(maxsize=1024)  # most clients send the same head again and again
def read_head(head: bytes) -> Head | None:
    """Read a head without its empty line; None if anything of it is not plain."""
    first, *lines = head.split(b"\r\n")
    line = REQUEST_LINE.fullmatch(first)
    if not line:
        return None
    values: dict[bytes, bytes] = {}
    for each in lines:
        name, colon, value = each.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        known = HEADERS.get(name)
        if not (colon and known and known.fullmatch(value)) or name in values:
            return None
        values[name] = value
    if b"host" not in values or int(values.get(LENGTH, SMALL)) >= SMALL:
        return None
    sent = (values.get(each, b"").decode() for each in SENT_ON)
    start = len(head) + len(END)
    return Head(line[1].decode(), start, start + int(values[LENGTH]), *sent)


class PlainRequests:
    """Answers the plain requests of connections.

    Parameters
    ----------
    front : Front or None
        None if the app takes no plain requests.
    """

    def __init__(self, front: Front | None) -> None:
        # gunicorn would cut SCRIPT_NAME off from paths.
        self._front = None if os.environ.get("SCRIPT_NAME") else front

    def read(self, received: bytes) -> Head | None:
        """Read the head that has arrived; None if the request is not a plain one."""
        end = received.find(END, 0, MAX_HEAD)
        if end < 0 or not self._front:
            return None
        head = read_head(received[:end])
        return head if head and self._front.is_plain(head.path) else None

    def answer(self, client: Client, head: Head, received: bytes, address: Any) -> bool:
        """Answer a request.

        Returns
        -------
        bool
            False if it is not answered here, but has to be as it came.

        Raises
        ------
        OSError
            If the response cannot be sent.
        """
        if not self._front or len(received) < head.end:
            return False
        began = time.perf_counter()
        body = received[head.start : head.end]
        from_address = address[0] if isinstance(address, tuple) else address or ""
        response = self._front.answer(
            PlainRequest(
                head.path,
                body,
                head.request_id,
                head.accept_encoding,
                head.authorization,
                head.x_api_key,
                from_address,
            )
        )
        if response is None:
            return False
        client.sendall(
            f"HTTP/1.1 200 OK\r\nServer: {SERVER}\r\nDate: {_date(int(time.time()))}\r\n"
            f"Connection: keep-alive\r\n{response.headers}\r\n".encode("latin-1")
            + response.body
        )
        log.write_access(
            method="POST",
            path=head.path,
            status=200,
            size=len(response.body),
            seconds=time.perf_counter() - began,
            request_id=response.request_id,
            client=from_address,
            key=response.key or None,
        )
        return True


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    """The current time, for the header."""
    return str(util.http_date(second))
