"""CORS: lets pages of other origins ask, where `CORS_ORIGINS` names them.

Credentials that a browser adds by itself are never allowed, for the service takes none: an admin's
key goes in a header that a page must set, which is allowed.
"""

from flask import Flask, Response, request

from serving.access import ANY, origins
from serving.settings import Settings

ASKED = "Authorization, Content-Type, Content-Encoding, X-Request-ID"
SHOWN = "Link, X-Request-ID, X-Unused-Columns"
SECONDS = "600"  # for which a browser need not ask again


def register(app: Flask, settings: Settings) -> None:
    """Tell browsers that pages of some origins may read what an app answers."""
    allowed = origins(settings)
    if not allowed:
        return

    @app.after_request
    def allow(response: Response) -> Response:
        origin = request.headers.get("Origin", "")
        if ANY not in allowed:
            response.vary.add("Origin")
            if origin not in allowed:
                return response
        elif not origin:
            return response
        response.headers["Access-Control-Allow-Origin"] = ANY if ANY in allowed else origin
        response.headers["Access-Control-Expose-Headers"] = SHOWN
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
            response.headers["Access-Control-Allow-Headers"] = ASKED
            response.headers["Access-Control-Max-Age"] = SECONDS
        return response
