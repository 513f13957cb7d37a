"""Indents JSON for people: where the request has `?pretty`, or is a browser's."""

import msgspec
from flask import Flask, Response, request

INDENTED = {"application/json", "application/problem+json"}


def register(app: Flask) -> None:
    """Indent the JSON responses of an app that people read."""

    @app.after_request
    def indent(response: Response) -> Response:
        if response.mimetype in INDENTED and not response.is_streamed and _is_for_people():
            response.set_data(msgspec.json.format(response.get_data(), indent=2) + b"\n")
        return response


def _is_for_people() -> bool:
    """Whether a person reads the response: browsers prefer HTML."""
    return "pretty" in request.args or request.accept_mimetypes.best == "text/html"
