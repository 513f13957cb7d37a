"""CORS: lets pages of other origins ask, where `CORS_ORIGINS` names them.

Credentials that a browser adds by itself are never allowed, for the service takes none: an admin's
key goes in a header that a page must set, which is allowed.
"""

import re

from flask import Flask, Response, request

from serving.errors import SettingsError
from serving.settings import Settings

ANY = "*"
ORIGIN = re.compile(r"https?://[^/\s,*]+")
ASKED = "Authorization, Content-Type, Content-Encoding, X-Request-ID"
SHOWN = "Link, X-Request-ID, X-Unused-Columns"
SECONDS = "600"  # for which a browser need not ask again


def origins(settings: Settings) -> frozenset[str]:
    """Who may ask; `*` is anybody.

    Raises
    ------
    SettingsError
    """
    named = frozenset(filter(None, map(str.strip, settings.cors_origins.split(","))))
    for origin in sorted(named - {ANY}):
        if not ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"CORS_ORIGINS: {origin!r} is not an origin such as https://example.org, "
                "without a path; * alone allows all"
            )
    return named


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
