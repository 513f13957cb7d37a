"""Every error as `application/problem+json` (RFC 9457)."""

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES  # http.HTTPStatus renames some with Python's version

from serving.api.respond import as_json
from serving.errors import (
    ArtefactError,
    InvalidRecords,
    JournalError,
    NoRoom,
    NotATable,
    NotJSON,
    NotRecorded,
    ServingError,
    StoreError,
    TooManyRecords,
    UnknownModel,
    UnknownPrediction,
    UnknownVersion,
    VersionRefused,
)

log = logging.getLogger(__name__)

STATUS: dict[type[ServingError], HTTPStatus] = {
    ArtefactError: HTTPStatus.SERVICE_UNAVAILABLE,
    JournalError: HTTPStatus.SERVICE_UNAVAILABLE,
    NoRoom: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    NotRecorded: HTTPStatus.NOT_FOUND,
    UnknownPrediction: HTTPStatus.NOT_FOUND,
    NotATable: HTTPStatus.BAD_REQUEST,
    NotJSON: HTTPStatus.BAD_REQUEST,
    UnknownModel: HTTPStatus.NOT_FOUND,
    UnknownVersion: HTTPStatus.NOT_FOUND,
    VersionRefused: HTTPStatus.CONFLICT,
    TooManyRecords: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    InvalidRecords: HTTPStatus.UNPROCESSABLE_ENTITY,
}


class Problem(msgspec.Struct):
    """RFC 9457's members, and `errors` with each thing that is wrong."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Any] | msgspec.UnsetType = msgspec.UNSET


def register(app: Flask) -> None:
    """Answer every error of an app with a problem."""

    @app.errorhandler(ServingError)
    def refused(error: ServingError) -> Response:
        errors: Any = msgspec.UNSET
        if isinstance(error, InvalidRecords):
            errors = error.faults
        elif isinstance(error, VersionRefused):
            errors = [{"message": objection} for objection in error.objections]
        return _problem(STATUS[type(error)], told(error), errors)

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        response = _problem(status, _detail(status, error))
        kept = ("Content-Type", "Content-Length")
        response.headers.extend(
            (name, value) for name, value in error.get_headers() if name not in kept
        )
        return response


def told(error: ServingError) -> str:
    """What anybody may be told of an error; the log has the rest."""
    if error.public != str(error):
        log.warning("%s: %s", error.public, error)
    return error.public


def _problem(
    status: HTTPStatus, detail: str, errors: list[Any] | msgspec.UnsetType = msgspec.UNSET
) -> Response:
    body = Problem("about:blank", HTTP_STATUS_CODES[status], status, detail, errors)
    return as_json(body, status, "application/problem+json")


def _detail(status: HTTPStatus, error: HTTPException) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return f"nothing is at {request.path}; GET /models lists what is served"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
            return f"{request.path} takes {allowed}, not {request.method}"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return f"the body is larger than {request.max_content_length} bytes"
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"the service failed; its log has the reason under request id {g.request_id}"
        case _:
            return error.description or HTTP_STATUS_CODES[status]
