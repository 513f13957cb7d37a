"""CORS: lets pages of the origins in `CORS_ORIGINS` call the service.

Credentials that a browser adds by itself are never allowed, as the service uses none: an admin's
key is sent in a header that the page sets.
"""

from flask import Flask, Response, request

from serving.access.origins import ANY, origins
from serving.settings import Settings

ALLOWED = (
    "Authorization, X-API-Key, Content-Type, Content-Encoding, X-Request-ID, X-Subject, X-Own-ID"
)
EXPOSED = "Link, X-Request-ID, X-Unused-Columns"
SECONDS = "600"  # for which a browser need not ask again


def register(app: Flask, settings: Settings) -> None:
    """Let pages of the allowed origins read the responses of an app."""
    trusted = origins(settings)
    if not trusted:
        return

    @app.after_request
    def allow(response: Response) -> Response:
        origin = request.headers.get("Origin", "")
        if ANY not in trusted:
            response.vary.add("Origin")
            if origin not in trusted:
                return response
        elif not origin:
            return response
        response.headers["Access-Control-Allow-Origin"] = ANY if ANY in trusted else origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
            response.headers["Access-Control-Allow-Headers"] = ALLOWED
            response.headers["Access-Control-Max-Age"] = SECONDS
        return response
