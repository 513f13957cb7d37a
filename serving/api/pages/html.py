"""What all pages share: their language, headers and static files.

A page is `render_template` of a template that extends base.html. In it `t` translates a text into
the reader's language, `number` and `share` write numbers, `time` writes a time, `static` is the URL
of a file of `static/`, `models` returns the names of those that the caller may see, and `command`
is what to type for `adega`. Links are made by `url_for`, so that they hold behind a proxy, too.
"""

import hashlib
import mimetypes
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    g,
    make_response,
    render_template,
    request,
    url_for,
)
from markupsafe import Markup
from werkzeug.datastructures import MIMEAccept

from serving import COMMAND, clock
from serving.access.access import Access
from serving.api.declared import declares
from serving.api.pages.words import words
from serving.versions.registry import Registry

STATIC = {file.name: file.read_bytes() for file in Path(__file__).with_name("static").iterdir()}
YEAR = 31_536_000  # seconds
DAY, SECOND = len("2026-11-21"), len("2026-11-21T09:30:00")  # of a time's text
# No inline script, no inline style, nothing from elsewhere.
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def register(app: Flask, access: Access, registry: Registry) -> None:
    """Add the templates, the static files and the headers of pages to an app."""
    routes = Blueprint("html", __name__, template_folder="templates")
    digest = _digest()

    @routes.get("/static/<sent>/<file>")
    @declares(None, scope="open")
    def static(sent: str, file: str) -> Response:
        if file not in STATIC:
            abort(HTTPStatus.NOT_FOUND)
        response = Response(STATIC[file], mimetype=mimetypes.guess_type(file)[0])
        own = sent == digest  # else another release's, while one takes the other's place
        kept = f"public, max-age={YEAR}, immutable" if own else "no-cache"
        response.headers["Cache-Control"] = kept
        return response

    @app.context_processor
    def shared() -> dict[str, Any]:
        of_reader = words(request)
        return {
            "t": of_reader.t,
            "number": of_reader.number,
            "share": of_reader.share,
            "time": time_element,
            "words": of_reader,
            "static": lambda file: url_for("html.static", sent=digest, file=file),
            "models": lambda: _seen(registry),
            "command": COMMAND,
            "caller": g.get("caller"),
            "is_open": bool(access.warning),
        }

    @app.after_request
    def protect(response: Response) -> Response:
        if response.mimetype == "text/html":
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            response.vary.update(["Accept", "Accept-Language"])
            response.content_language.add(words(request).language)
        return response

    app.register_blueprint(routes)


def time_element(moment: int | str, *, day: bool = False) -> Markup:
    """Write a time, or its day, in UTC; static/times.js turns it into the reader's time zone.

    Parameters
    ----------
    moment : int or str
        Milliseconds since 1970, UTC, or a text in ISO 8601.

    >>> time_element(1_700_000_000_123)
    Markup('<time datetime="2023-11-14T22:13:20Z" data-utc="minute">2023-11-14 22:13 UTC</time>')
    >>> time_element("2023-11-14T23:13:20+01:00", day=True)
    Markup('<time datetime="2023-11-14T22:13:20Z" data-utc="day">2023-11-14</time>')
    """
    if isinstance(moment, str):
        moment = round(datetime.fromisoformat(moment).timestamp() * 1000)
    written = clock.to_minutes(moment)
    element = Markup('<time datetime="{}Z" data-utc="{}">{}</time>')
    shown = ("day", written[:DAY]) if day else ("minute", written)
    return element.format(clock.iso(moment)[:SECOND], *shown)


def wants_json(accepted: MIMEAccept) -> bool:
    """Whether a client prefers JSON to a page, as curl does, which accepts anything."""
    return accepted.best_match(["application/json", "text/html"]) != "text/html"


def wants_page() -> bool:
    """Whether a browser is to show the response to a person."""
    return request.method in {"GET", "HEAD"} and not wants_json(request.accept_mimetypes)


def error_page(status: int, detail: str, *, is_of_store: bool) -> Response:
    """Make a page of an error: what it is, and what to do in the reader's language."""
    page = render_template("error.html", status=status, detail=detail, is_of_store=is_of_store)
    return make_response(page, status)


def _seen(registry: Registry) -> list[str]:
    """The models that are served and the caller may see; none where a key is needed first."""
    caller = g.get("caller")
    return [name for name in registry.live if caller and caller.may("any", name)]


@cache
def _digest() -> str:
    """A hash of all static files; part of their URLs, so that a browser may cache them for ever.

    One hash for all of them: a script imports its neighbour by a relative name.
    """
    digest = hashlib.sha256()
    for name in sorted(STATIC):
        digest.update(name.encode() + STATIC[name])
    return digest.hexdigest()[:16]
