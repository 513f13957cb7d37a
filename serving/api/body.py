"""The JSON body of a request."""

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from serving.front import READ_AS_JSON


def read_json() -> bytes:
    """Return the request's body as it was sent.

    Raises
    ------
    UnsupportedMediaType
        If it is labelled as something else than JSON.
    RequestEntityTooLarge
    """
    if request.mimetype not in READ_AS_JSON and not request.is_json:
        raise UnsupportedMediaType(
            f"Content-Type {request.mimetype!r} is not supported; send application/json"
        )
    return read_body()


def read_body() -> bytes:
    """Return the request's body as it was sent, whatever its label.

    Raises
    ------
    RequestEntityTooLarge
    """
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge  # without a Content-Length, Werkzeug stops reading at the limit
    return body
