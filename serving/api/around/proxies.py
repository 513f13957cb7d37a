"""What a trusted proxy knows of a request: its client, and by which URL it came.

Everything that makes a URL takes scheme, host and the prefix of paths from the request, so under
`/ml/` behind a proxy every link and redirect begins with `/ml`.
"""

import re
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from serving.access.proxies import Proxies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# A proxy may pass on what a client sent, so nothing else gets into a link.
SCHEME, PREFIX = re.compile("https?"), re.compile(r"(/[\w.~-]+)+/?", re.ASCII)


class Believing:
    """A WSGI app that believes trusted proxies, and nobody else."""

    def __init__(self, app: "WSGIApplication", proxies: Proxies) -> None:
        self._app, self._proxies = app, proxies
        self._fixed = ProxyFix(app, x_for=0, x_proto=1, x_host=1, x_prefix=1)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> "Iterable[bytes]":
        """Answer a request."""
        peer = environ.get("REMOTE_ADDR", "")
        if not self._proxies.trust(peer):
            return self._app(environ, start_response)
        # The server logs it from there.
        environ["REMOTE_ADDR"] = self._proxies.client(peer, _sent(environ, "FOR"))
        if not SCHEME.fullmatch(_sent(environ, "PROTO")):
            environ.pop("HTTP_X_FORWARDED_PROTO", None)
        prefix = _sent(environ, "PREFIX")
        environ["HTTP_X_FORWARDED_PREFIX"] = prefix.rstrip("/") if PREFIX.fullmatch(prefix) else ""
        return self._fixed(environ, start_response)


def _sent(environ: "WSGIEnvironment", name: str) -> str:
    return str(environ.get(f"HTTP_X_FORWARDED_{name}", ""))


def register(app: Flask, proxies: Proxies) -> None:
    """Have an app believe the proxies."""
    app.wsgi_app = Believing(app.wsgi_app, proxies)  # type: ignore[method-assign]
