"""The id of every request: the client's own `X-Request-ID` where it is valid, else a new one.

And the person whom it is about, if the client sent one as `X-Subject`.
"""

import logging
import re
import secrets
import time

from flask import Flask, Response, g, request

from serving import log
from serving.predicting.service import RequestContext
from serving.recording.privacy import require_subject

HEADER = "X-Request-ID"
VALID = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)  # it is logged, so nothing else may pass
SUBJECT = "X-Subject"


def name(sent: str) -> str:
    """Return the id of a request whose header was as `sent`, empty if it had none."""
    return sent if VALID.fullmatch(sent) else secrets.token_hex(16)


def adopt(sent: str | None) -> None:
    """Give the current request the id that its protocol has for it, if one was sent and is valid.

    It is recorded with the predictions, and in the log, as `X-Request-ID` is.
    """
    if sent and VALID.fullmatch(sent):
        g.request_id = sent


def context() -> RequestContext:
    """Id, arrival, subject and sender of the current request.

    Raises
    ------
    InvalidSubject
    """
    return RequestContext(g.request_id, g.since, subject(request.headers.get(SUBJECT)), g.caller)


def subject(sent: str | None) -> str:
    """Return the subject of a request whose header was as `sent`; empty if it had none.

    Raises
    ------
    InvalidSubject
        Recorded under another key or none, it could not be found.
    """
    return "" if sent is None else require_subject(sent)


def register(app: Flask) -> None:
    """Give each request its id, and add it to the response and to every line of the log."""

    @app.before_request
    def name_request() -> None:
        g.since = time.perf_counter_ns()
        g.request_id = name(request.headers.get(HEADER, ""))
        if request.url_rule and "subject" in request.url_rule.arguments:
            request.environ[log.PATH] = request.url_rule.rule

    @app.after_request
    def name_response(response: Response) -> Response:
        response.headers[HEADER] = g.request_id
        return response

    @app.logger.addFilter
    def name_record(record: logging.LogRecord) -> bool:
        record.request_id = g.get("request_id") if g else None
        return True
