"""Answers as JSON."""

from typing import Any

import msgspec
from flask import Response

encode = msgspec.json.Encoder().encode


def as_json(value: Any, status: int = 200, mimetype: str = "application/json") -> Response:
    """A response with any value msgspec can encode."""
    return Response(encode(value), status, mimetype=mimetype)
