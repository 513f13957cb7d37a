"""What gunicorn's HTTP parser refuses, as `application/problem+json` instead of gunicorn's HTML."""

import socket
from http import HTTPStatus
from typing import Any

import msgspec
from gunicorn import util
from gunicorn.http.errors import ConfigurationProblem, InvalidHeader
from gunicorn.workers.base import Worker

TITLES = {status.value: status.phrase for status in HTTPStatus}
FAILED = "the service failed; its log has the reason"


class ProblemWorker(Worker):
    """What any kind of worker has to do otherwise; to be named before gunicorn's own class."""

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer a request that cannot be read, unless it is answered."""
        if req is not None and getattr(req.body, "failed", False):
            # The app has answered without reading the body, and what is left of it is passed over.
            self.log.debug("what follows an answered request cannot be read: %s", exc)
            return
        if isinstance(exc, ConfigurationProblem):  # a SCRIPT_NAME that the path does not begin with
            exc = InvalidHeader(exc.info)
        if isinstance(exc, InvalidHeader):
            exc.req = None  # half of a request, which gunicorn would fail to log
        super().handle_error(req, client, addr, exc)


def problem(status: int, title: str, detail: str) -> bytes:
    """Return the body of a response that the app has not made."""
    return msgspec.json.encode(
        {"type": "about:blank", "title": title, "status": status, "detail": detail}
    )


def write_problem(sock: socket.socket, status: int, reason: str, message: str) -> None:
    """Answer a request that never reached the app; the connection is closed afterwards.

    Parameters
    ----------
    reason : str
        What gunicorn calls the status.
    message : str
        What is wrong with the request; empty where the service itself failed.
    """
    title = TITLES.get(status, reason)
    body = problem(status, title, message or FAILED)
    head = (
        f"HTTP/1.1 {status} {title}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, head.encode() + body)


# All workers answer with this one function, once they have chosen the status and logged the reason.
util.write_error = write_problem
