"""Errors as the clients of other protocols read them: a text in `error`, or in `message`."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET

from serving.api.around.errors import Problem
from serving.api.openapi import operation as documented
from serving.api.openapi.operation import Operation
from serving.api.openapi.structs import Content
from serving.api.respond import encode
from serving.errors import Fault
from serving.inputs.exact import in_one_line

CODES = {  # of MLflow and Databricks
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
}
STATUSES = (400, 401, 403, 404, 408, 413, 415, 429, 500, 503)


class Refusal(Problem, kw_only=True):
    """What went wrong: in `error` and `message`, in one text with every fault that is listed.

    Attributes
    ----------
    error_code : str
        As MLflow and Databricks name it.
    """

    error: str
    message: str
    error_code: str
    errors: list[Fault] | msgspec.UnsetType = UNSET


class _Received(Problem):
    errors: list[Fault] | msgspec.UnsetType = UNSET


def refusal(problem: Problem, faults: list[Fault]) -> Refusal:
    """Return a problem with what other protocols call its members."""
    listed = [f"record {each.record}: {in_one_line([each])}" for each in faults]
    text = f"{problem.detail}: {'; '.join(listed)}" if listed else problem.detail
    status = problem.status
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    return Refusal(
        problem.type,
        HTTPStatus(status).phrase,
        int(status),
        problem.detail,
        error=text,
        message=text,
        error_code=CODES.get(status, "BAD_REQUEST"),
        errors=faults or UNSET,
    )


Make = Callable[[Problem, list[Fault]], Problem]


def register(routes: Blueprint, make: Make = refusal, below: str = "") -> None:
    """Make refusals of the problems with a protocol's requests; invalid records are a 400.

    Parameters
    ----------
    below : str, optional
        A path: requests to or below it that no route takes are refused likewise.
    """

    @routes.after_request
    def refuse(problem: Response) -> Response:
        if problem.mimetype == "application/problem+json":
            received = msgspec.json.decode(problem.get_data(), type=_Received)
            problem.set_data(encode(make(received, received.errors or [])))
            problem.content_type = "application/json"
            if problem.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
                problem.status_code = HTTPStatus.BAD_REQUEST
        return problem

    if below:

        @routes.after_app_request
        def refuse_below(problem: Response) -> Response:
            return refuse(problem) if f"{request.path}/".startswith(f"{below}/") else problem


def described(
    summary: str, success: Content, kind: type[Problem] = Refusal, **parts: Any
) -> Operation:
    """An operation whose errors are refusals."""
    operation = documented.operation(summary, success, **parts)
    operation["responses"] |= {str(each): documented.response(kind) for each in STATUSES}
    return operation
