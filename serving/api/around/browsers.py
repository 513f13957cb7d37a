"""What a page may not do with the browser of its reader: call the service on the reader's behalf.

Only requests that a browser sent are refused, which its headers show, so that programs go on as
ever. Two kinds are: those that may change something, for a page of another origin; and all of them
to a host whose name an attacker may have pointed here (DNS rebinding).
"""

import re
from ipaddress import ip_address

from flask import Flask, Response, request
from werkzeug.exceptions import Forbidden

from serving.access.hosts import hosts
from serving.access.origins import ANY, origins
from serving.front import HOST
from serving.settings import Settings

SAFE = {"GET", "HEAD", "OPTIONS"}  # methods that change nothing
OWN_SITE = {"same-origin", "none"}  # values of Sec-Fetch-Site; none is a person's own doing
YEAR = 31_536_000  # seconds


def register(app: Flask, settings: Settings) -> None:
    """Refuse what a page of another origin, or under another name, has a browser send to an app."""
    allowed, trusted = hosts(settings), origins(settings)

    @app.before_request
    def refuse() -> None:
        if not is_from_browser():
            return
        host = name_of(request.host)
        known = (*allowed, request.environ.get(HOST))
        if not (host in known or is_localhost(host) or _is_address(host)):
            raise Forbidden(
                f"browsers may not open this service as {host!r}; if that is a name of it, add the "
                "name to ALLOWED_HOSTS"
            )
        origin = request.headers.get("Origin", "")
        if request.method in SAFE or ANY in trusted or origin in trusted:
            return
        if is_from_elsewhere(origin):
            sender = f"the origin {origin!r}" if origin else "another origin"
            raise Forbidden(
                f"a page of {sender} may not send this; CORS_ORIGINS lists the origins that may"
            )

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        host = name_of(request.host)
        # A browser keeps to HTTPS for all ports of a name, so never for that of the own machine.
        if request.is_secure and not (is_localhost(host) or _is_address(host)):
            response.headers["Strict-Transport-Security"] = f"max-age={YEAR}"
        return response


def is_from_browser() -> bool:
    """Whether a browser sent the request, by headers that pages cannot leave out.

    Without TLS no browser sends Sec-Fetch-Site to a name, and with a GET none sends Origin to the
    page's own host, which is what it takes an attacker's name for. All send Accept-Language then;
    so do a few programs, which mark themselves by a Sec-Fetch-Mode alone (the fetch of Node.js).
    """
    sent = request.headers
    if "Sec-Fetch-Site" in sent or "Origin" in sent:
        return True
    return request.method in SAFE and "Accept-Language" in sent and "Sec-Fetch-Mode" not in sent


def is_from_elsewhere(origin: str) -> bool:
    """Whether the page that had a browser send the request is not one of the service's own."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in OWN_SITE
    # A scheme is not compared: behind a proxy, the service may not know its own.
    return origin.partition("://")[2].lower() != request.host.lower()


def name_of(host: str) -> str:
    """A Host without its port, as names are compared."""
    return re.sub(r":\d*$", "", host).rstrip(".").lower()


def is_localhost(name: str) -> bool:
    """Whether a host's name is that of the machine itself, which no DNS server may give away."""
    return name == "localhost" or name.endswith(".localhost")


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
