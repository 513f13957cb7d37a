"""Responses as JSON."""

from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import Meta, Raw

encode = msgspec.json.Encoder().encode

Object = Annotated[Raw, Meta(extra_json_schema={"type": "object"})]  # JSON already


def as_json(value: Any, status: int = 200, mimetype: str = "application/json") -> Response:
    """A response with any value msgspec can encode."""
    return Response(encode(value), status, mimetype=mimetype)
