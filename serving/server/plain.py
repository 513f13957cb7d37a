"""Plain requests, read and answered in the bytes as they came.

Parsing a request into an environment, and Flask's routing, contexts and response objects cost
several times what a prediction does. A POST of JSON, or of JSON with tensors behind it, to a path
that takes plain requests is read here if all of its headers are known and none is unusual; any
other request is gunicorn's to parse.
"""

import io
import re
import time
from functools import lru_cache
from typing import Any, NamedTuple

from gunicorn import SERVER, util

from serving import log
from serving.errors import NoRoom
from serving.front import SMALL, Front, PlainRequest, PlainResponse, PlainRoute
from serving.server.client import Client
from serving.server.threads import Run
from serving.spool import FREE, Part

END = b"\r\n\r\n"
MAX_HEAD = 4_096
IN_MEMORY = 2**26  # bytes that a worker keeps; beyond them, gunicorn's way uses the disk
PIECE = 2**18  # bytes of a body that are received at once
REQUEST_LINE = re.compile(rb"POST (/[\w/.~:-]*) HTTP/1\.1")
TEXT = rb"[\t\x20-\x7e]*"
LENGTH, REQUEST_ID, ACCEPT_ENCODING = b"content-length", b"x-request-id", b"accept-encoding"
JSON_LENGTH = b"inference-header-content-length"
SUBJECT, OWN_ID = b"x-subject", b"x-own-id"
CONTENT_TYPE, TENSORS = b"content-type", b"application/octet-stream"
AUTHORIZATION, X_API_KEY = b"authorization", b"x-api-key"
FORWARDED_FOR = b"x-forwarded-for"
KEPT = (
    *(REQUEST_ID, JSON_LENGTH, SUBJECT, OWN_ID, ACCEPT_ENCODING),
    *(AUTHORIZATION, X_API_KEY, FORWARDED_FOR),
)
# Whatever else a header may contain, and every other header, is left to gunicorn and Flask.
HEADERS = {
    name: re.compile(value)
    for name, value in {
        b"host": rb"[\w-]{1,63}(?:\.[\w-]{1,63})*\.?(?::\d{1,5})?|\[[0-9a-fA-F:]+\](?::\d{1,5})?",
        b"user-agent": TEXT,
        b"accept": rb"\*/\*|application/json(?:, \*/\*)?",
        ACCEPT_ENCODING: TEXT,
        b"accept-language": TEXT,
        b"connection": rb"[Kk]eep-[Aa]live",
        CONTENT_TYPE: rb"application/json|application/x-www-form-urlencoded|" + TENSORS,
        LENGTH: rb"0|[1-9]\d{0,9}",
        JSON_LENGTH: rb"\d{1,10}",
        REQUEST_ID: TEXT,
        SUBJECT: rb"[\x21-\x7e]+",
        OWN_ID: rb"[\x21-\x7e]+",
        AUTHORIZATION: TEXT,
        X_API_KEY: TEXT,
        b"traceparent": TEXT,
        FORWARDED_FOR: TEXT,
        # What else proxies add makes no difference to a prediction.
        b"x-forwarded-host": TEXT,
        b"x-forwarded-port": TEXT,
        b"x-forwarded-prefix": TEXT,
        b"x-forwarded-proto": TEXT,
        b"x-forwarded-server": TEXT,
        b"x-real-ip": TEXT,
        b"via": TEXT,
    }.items()
}


class Head(NamedTuple):
    """The head of a plain request; `length` is that of its body."""

    path: str
    length: int
    request_id: str
    json_length: str
    subject: str
    own_id: str
    accept_encoding: str
    authorization: str
    x_api_key: str
    forwarded_for: str


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
    if b"host" not in values or LENGTH not in values:
        return None
    if values.get(CONTENT_TYPE) == TENSORS and JSON_LENGTH not in values:
        return None
    sent = (values.get(each, b"").decode() for each in KEPT)
    return Head(line[1].decode(), int(values[LENGTH]), *sent)


class PlainRequests:
    """Answers the plain requests of connections.

    Parameters
    ----------
    front : Front
    compute : callable
        Calls a function that may take long, and lets other greenlets run meanwhile.
    """

    def __init__(self, front: Front, compute: Run) -> None:
        self._front, self._compute = front, compute
        self._max_bytes = front.max_body_bytes("", "application/json", "")

    def answer(self, client: Client, received: bytes, address: Any) -> bytes | None:
        """Answer a request, if it is plain and without a fault.

        Parameters
        ----------
        received : bytes
            What has arrived of it, at least its head.

        Returns
        -------
        bytes or None
            None if it is answered; else what has arrived of it meanwhile, all as it came.

        Raises
        ------
        OSError
            If the client has gone.
        """
        end = received.find(END, 0, MAX_HEAD)
        head = read_head(received[:end]) if end >= 0 else None
        if not head or head.length > self._max_bytes:
            return received
        route = self._front.find_plain(head.path)
        if not route:
            return received
        peer = address[0] if isinstance(address, tuple) else ""
        sender = self._front.client(peer, head.forwarded_for)
        if head.length >= SMALL and not self._front.is_known(
            head.authorization, head.x_api_key, "", sender
        ):
            return received
        start, began = end + len(END), time.perf_counter()
        stop = start + head.length
        if len(received) > stop:
            client.put_back(received[stop:])
        request = PlainRequest(
            received[start:stop],
            head.request_id,
            head.json_length,
            head.subject,
            head.own_id,
            head.accept_encoding,
            head.authorization,
            head.x_api_key,
            sender,
        )
        with Part(self._front.room, IN_MEMORY) as kept:
            body, response = self._predict(client, head.length, route, request, kept)
            if response is None:
                return received[:start] + body
            del body  # the client may be slow to read
            if len(response.body) > FREE or kept.size:
                kept.replace(len(response.body))
            client.send_both(
                f"HTTP/1.1 200 OK\r\nServer: {SERVER}\r\nDate: {_date(int(time.time()))}\r\n"
                f"Connection: keep-alive\r\n{response.headers}\r\n".encode("latin-1"),
                response.body,
            )
        log.write_access(
            method="POST",
            path=head.path,
            status=200,
            size=len(response.body),
            seconds=time.perf_counter() - began,
            request_id=response.request_id,
            client=request.address,
            key=response.key or None,
        )
        return None

    def _predict(
        self, client: Client, length: int, route: PlainRoute, begun: PlainRequest, kept: Part
    ) -> tuple[bytes, PlainResponse | None]:
        """Receive the rest of a body and predict; return the body, and None if it is refused."""
        if len(begun.body) == length < SMALL:  # as most are
            return begun.body, route.answer(begun)
        received = io.BytesIO()
        received.write(begun.body)
        is_whole = _receive(client, received, length, kept)
        request = begun._replace(body=received.getvalue())
        if not is_whole:
            return request.body, None
        if length < SMALL:
            return request.body, route.answer(request)
        return request.body, self._compute(route.answer, request)


def _receive(client: Client, body: io.BytesIO, length: int, kept: Part) -> bool:
    """Receive the rest of a body; whether all of it has come, into memory that it may take."""
    try:
        while True:
            if length >= SMALL:
                kept.grow(body.tell() - kept.size)
            if body.tell() == length:
                return True
            more = client.recv(min(length - body.tell(), PIECE))
            if not more:
                return False
            body.write(more)
    except (TimeoutError, NoRoom):  # gunicorn's way meets it too, and the app answers it
        return False


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    """The current time, for the header."""
    return str(util.http_date(second))
