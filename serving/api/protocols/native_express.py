"""A shortcut for the plain request: a well-formed POST to a predict route bypasses Flask.

Flask's routing, contexts and response objects cost several times as much as a prediction. A plain
request is answered here, by the function that the view calls; any other, and any that turns out to
be invalid, goes to Flask with its body as it came.
"""

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any

from serving.api.around import compression, request_id
from serving.api.around.bodies import Failed
from serving.api.body import READ_AS_JSON
from serving.api.protocols import native
from serving.predicting.service import RequestContext, Service
from serving.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREDICT = re.compile(f"{native.DEFAULT}|{native.OF_MODEL.replace('<name>', '([^/]+)')}")
LENGTH_DIGITS = 12
PLAIN_LABELS = {None, *READ_AS_JSON}
OTHER_FORMATS = re.compile("csv|tab-separated|ndjson|jsonl|html")  # in Accept: left to Flask


class Express:
    """A WSGI app in front of another.

    Parameters
    ----------
    flask : WSGI application
        Gets every request that is not plain.
    """

    def __init__(self, flask: "WSGIApplication", service: Service, settings: Settings) -> None:
        self.flask, self.service, self.settings = flask, service, settings

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a plain request, and pass any other on."""
        if not self._is_plain(environ):
            return self.flask(environ, start_response)
        named = request_id.name(environ.get("HTTP_X_REQUEST_ID", ""))
        since = time.perf_counter_ns()
        answer = self._answer(environ, RequestContext(named, since))
        if answer is None:
            return self.flask(environ, start_response)
        route = native.DEFAULT if environ["PATH_INFO"] == native.DEFAULT else native.OF_MODEL
        taken = (time.perf_counter_ns() - since) // 1000
        self.service.metrics.count_request(route, "POST", "200", taken, predicts=True)
        headers = [
            ("Content-Type", "application/json"),
            (request_id.HEADER, named),
            ("Vary", "Accept-Encoding"),
        ]
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        if len(answer) >= compression.MIN_BYTES and compression.takes_gzip(accepted):
            answer = compression.packed(answer)
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(answer))))
        start_response("200 OK", headers)
        return [answer]

    def _is_plain(self, environ: "WSGIEnvironment") -> bool:
        length = environ.get("CONTENT_LENGTH", "")
        return (
            environ["REQUEST_METHOD"] == "POST"
            and PREDICT.fullmatch(environ["PATH_INFO"]) is not None
            and environ.get("CONTENT_TYPE") in PLAIN_LABELS
            and length.isdecimal()
            and len(length) < LENGTH_DIGITS
            and int(length) <= self.settings.max_body_bytes
            and "HTTP_TRANSFER_ENCODING" not in environ
            and "HTTP_CONTENT_ENCODING" not in environ
            and not environ.get("QUERY_STRING")
            and not OTHER_FORMATS.search(environ.get("HTTP_ACCEPT", ""))
            and not (self.settings.cors_origins and "HTTP_ORIGIN" in environ)
        )

    def _answer(self, environ: "WSGIEnvironment", context: RequestContext) -> bytes | None:
        length = int(environ["CONTENT_LENGTH"])
        try:
            body: Any = environ["wsgi.input"].read(length)
        except OSError as error:  # of the connection; the view reports it if it still can
            environ["wsgi.input"] = Failed(error)
            return None
        name = PREDICT.sub(r"\1", environ["PATH_INFO"]) or None
        if len(body) == length:  # the view reports one that is cut off
            with suppress(Exception):  # why: the view meets the same error and reports it
                engine = self.service.registry.engine(name)
                return native.predict_json(
                    self.service, engine, body, self.settings.max_records, context
                )
        environ["wsgi.input"] = BytesIO(body)
        return None
