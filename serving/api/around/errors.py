"""Every error as `application/problem+json` (RFC 9457), or as a page for a person in a browser."""

import logging
import math
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES  # http.HTTPStatus renames some with Python's version

from serving.api.pages.html import error_page, wants_page
from serving.api.respond import as_json
from serving.errors import (
    ArtefactError,
    Fault,
    InvalidRecords,
    InvalidSubject,
    InvalidTraining,
    JournalError,
    NoKey,
    NoRoom,
    NotAllowed,
    NotATable,
    NotJSON,
    NotRecorded,
    ObjectStoreError,
    Refused,
    ServingError,
    StoreError,
    TooManyRecords,
    TooManyRequests,
    TrainingRefused,
    UnknownLabel,
    UnknownModel,
    UnknownPrediction,
    UnknownTraining,
    UnknownVersion,
    VersionRefused,
    WrongKey,
)
from serving.front import RETRY_SECONDS

log = logging.getLogger(__name__)

# By Basic, a browser would ask for a password beside the page whose script sent the request.
CHALLENGES = ("Bearer", 'Basic realm="Adega", charset="UTF-8"')

STATUS: dict[type[ServingError], HTTPStatus] = {
    ArtefactError: HTTPStatus.SERVICE_UNAVAILABLE,
    JournalError: HTTPStatus.SERVICE_UNAVAILABLE,
    NoRoom: HTTPStatus.SERVICE_UNAVAILABLE,
    ObjectStoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    NoKey: HTTPStatus.UNAUTHORIZED,
    WrongKey: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    NotRecorded: HTTPStatus.NOT_FOUND,
    UnknownPrediction: HTTPStatus.NOT_FOUND,
    NotATable: HTTPStatus.BAD_REQUEST,
    NotJSON: HTTPStatus.BAD_REQUEST,
    InvalidSubject: HTTPStatus.BAD_REQUEST,
    InvalidTraining: HTTPStatus.BAD_REQUEST,
    UnknownLabel: HTTPStatus.BAD_REQUEST,
    UnknownModel: HTTPStatus.NOT_FOUND,
    UnknownTraining: HTTPStatus.NOT_FOUND,
    UnknownVersion: HTTPStatus.NOT_FOUND,
    TrainingRefused: HTTPStatus.CONFLICT,
    VersionRefused: HTTPStatus.CONFLICT,
    TooManyRecords: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    InvalidRecords: HTTPStatus.UNPROCESSABLE_ENTITY,
}


class Problem(msgspec.Struct):
    """What went wrong, by RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


class InvalidInput(Problem):
    """A problem with records, of which `errors` has each fault."""

    errors: list[Fault]


class Objection(msgspec.Struct):
    """A reason against a decision."""

    message: str


class RefusedDecision(Problem):
    """A problem with a decision, against which `errors` has each reason."""

    errors: list[Objection]


def register(app: Flask) -> None:
    """Respond to every error of an app with a problem."""
    app.register_error_handler(ServingError, refused)

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        response = _respond(problem(Problem, status, _detail(status, error)))
        kept = ("Content-Type", "Content-Length")
        response.headers.extend(
            (name, value) for name, value in error.get_headers() if name not in kept
        )
        return response


def status_of(error: ServingError) -> HTTPStatus:
    """Return the status of an error: that of the nearest kind that has one."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def refused(error: ServingError) -> Response:
    """Answer an error of the service with its problem."""
    status, detail = status_of(error), public(error)
    if isinstance(error, InvalidRecords):
        return _respond(problem(InvalidInput, status, detail, errors=error.faults))
    if status == HTTPStatus.CONFLICT:
        reasons = error.objections if isinstance(error, VersionRefused) else ()
        objections = [*map(Objection, reasons)]
        return _respond(problem(RefusedDecision, status, detail, errors=objections))
    response = _respond(problem(Problem, status, detail), is_of_store=isinstance(error, StoreError))
    if isinstance(error, Refused):
        g.refused = error.reason
    if isinstance(error, NoKey | WrongKey):
        for scheme in CHALLENGES[: 1 if "Sec-Fetch-Mode" in request.headers else 2]:
            response.headers.add("WWW-Authenticate", scheme)
    if isinstance(error, JournalError | NoRoom | StoreError):
        response.headers["Retry-After"] = RETRY_SECONDS
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(math.ceil(error.seconds))
    return response


def problem(kind: type[Problem], status: int, detail: str, **more: Any) -> Problem:
    """A problem of one of the kinds above."""
    return kind("about:blank", HTTP_STATUS_CODES[status], status, detail, **more)


def public(error: ServingError) -> str:
    """Return what any client may know of an error; the log has the rest."""
    if error.public != str(error):
        log.warning("%s: %s", error.public, error)
    return error.public


def _respond(problem: Problem, *, is_of_store: bool = False) -> Response:
    if wants_page():
        return error_page(problem.status, problem.detail, is_of_store=is_of_store)
    return as_json(problem, problem.status, "application/problem+json")


def _detail(status: HTTPStatus, error: HTTPException) -> str:
    path = request.script_root + request.path
    match status:
        case HTTPStatus.NOT_FOUND:
            return f"{path} does not exist; GET {request.script_root}/models lists the models"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
            return f"{path} allows {allowed}, not {request.method}"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return f"the body is larger than {request.max_content_length} bytes"
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"the service failed; its log has the reason under request id {g.request_id}"
        case _:
            return error.description or HTTP_STATUS_CODES[status]
