"""The id of every request: the client's own `X-Request-ID` where it is valid, else a new one.

And what the client may send besides: whom a request is about, as `X-Subject`, and its own id of the
predictions, as `X-Own-ID`.
"""

import logging
import re
import secrets
import time

from flask import Flask, Response, g, request
from werkzeug.exceptions import BadRequest

from serving import ids, log
from serving.api.openapi.structs import Schema, text
from serving.inputs.shown import shown
from serving.predicting.context import RequestContext
from serving.recording.privacy import SUBJECT_PATTERN, require_subject

HEADER = "X-Request-ID"
VALID = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)  # it is logged, so nothing else may pass
SUBJECT, OWN_ID = "X-Subject", "X-Own-ID"
ABOUT_SUBJECT = (
    "The person whom all records are about, by a key of your own: what is recorded can be exported "
    "and erased by it. Hashed with `JOURNAL_SALT`."
)
ABOUT_OWN_ID = (
    "Your own id of the prediction, which feedback may name. Of several records, the predictions "
    "have `ID/0`, `ID/1` and so on."
)
DESCRIBED: list[Schema] = [  # for every route that predicts
    {"name": name, "in": "header", "description": meaning, "schema": text(pattern=f"^{pattern}$")}
    for name, pattern, meaning in (
        (SUBJECT, SUBJECT_PATTERN, ABOUT_SUBJECT),
        (OWN_ID, ids.OWN_ID_PATTERN, ABOUT_OWN_ID),
    )
]


def name(sent: str) -> str:
    """Return the id of a request whose header was as `sent`, empty if it had none."""
    return sent if VALID.fullmatch(sent) else secrets.token_hex(16)


def context() -> RequestContext:
    """Id, arrival, subject, sender and own id of the current request.

    Raises
    ------
    InvalidSubject, BadRequest
    """
    sent = request.headers
    about, own = subject(sent.get(SUBJECT)), own_id(sent.get(OWN_ID))
    return RequestContext(g.request_id, g.since, about, g.caller, own_id=own)


def subject(sent: str | None) -> str:
    """Return the subject of a request whose header was as `sent`; empty if it had none.

    Raises
    ------
    InvalidSubject
        Recorded under another key or none, it could not be found.
    """
    return "" if sent is None else require_subject(sent)


def own_id(sent: str | None) -> str:
    """Return the own id of a request whose header was as `sent`; empty if it had none.

    Raises
    ------
    BadRequest
        Feedback could not name it.
    """
    if sent is None:
        return ""
    if not ids.OWN_ID.fullmatch(sent):
        raise BadRequest(
            f"{OWN_ID} is {shown(sent)}; send 1 to 128 ASCII letters, digits and . _ - : | + = @ ~"
        )
    return sent


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
