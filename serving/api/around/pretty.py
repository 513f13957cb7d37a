"""JSON for eyes: indented where `?pretty` or a browser asks for it."""

import msgspec
from flask import Flask, Response, request

READ_BY_EYE = {"application/json", "application/problem+json"}


def register(app: Flask) -> None:
    """Indent the answers of an app that people look at."""

    @app.after_request
    def indent(response: Response) -> Response:
        if response.mimetype in READ_BY_EYE and not response.is_streamed and _is_for_eyes():
            response.set_data(msgspec.json.format(response.get_data(), indent=2) + b"\n")
        return response


def _is_for_eyes() -> bool:
    """Browsers name HTML before all else."""
    return "pretty" in request.args or request.accept_mimetypes.best == "text/html"
