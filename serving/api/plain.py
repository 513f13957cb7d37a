"""Plain requests: a well-formed POST of JSON to a predict route, answered without Flask.

The server recognises them in the bytes as they came (`serving/server/plain.py`). They are answered
by the same function that the view calls. Whatever turns out to be faulty, or may take long, is left
to the view.
"""

import re
import time
from contextlib import suppress

from serving.api.around import compression, request_id
from serving.api.protocols import PROTOCOLS
from serving.front import PlainRequest, PlainResponse
from serving.models.engine import Engine
from serving.predicting.service import RequestContext, Service
from serving.settings import Settings

NAME = "([^/]+)"


class Plain:
    """Answers plain requests to the routes that the protocols declare."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._routes = {
            rule: answer for protocol in PROTOCOLS for rule, answer in protocol.PLAIN.items()
        }
        self._named = [
            (re.compile(rule.replace("<name>", NAME)), rule)
            for rule in self._routes
            if "<name>" in rule
        ]

    def takes(self, path: str) -> bool:
        """Whether requests to a path are answered without waiting for a model."""
        rule, name = self._find(path)
        return rule in self._routes and self._engine(name) is not None

    def answer(self, request: PlainRequest) -> PlainResponse | None:
        """Answer a request; None if the view has to."""
        since = time.perf_counter_ns()
        rule, name = self._find(request.path)
        engine = self._engine(name)
        if engine is None:
            return None
        context = RequestContext(request_id.name(request.request_id), since)
        with suppress(Exception):  # why: the view meets it too, and answers it as always
            body = self._routes[rule](
                self._service, engine, request.body, self._settings.max_records, context
            )
            taken = (time.perf_counter_ns() - since) // 1000
            self._service.metrics.count_request(rule, "POST", "200", taken, predicts=True)
            return _response(body, context.request_id, request.accept_encoding)
        return None

    def _engine(self, name: str | None) -> Engine | None:
        """Return the live version of a model, unless it has to be loaded, or is slow."""
        engine = self._service.registry.loaded_engine(name)
        return engine if engine and engine.backend != "pickle" else None

    def _find(self, path: str) -> tuple[str, str | None]:
        """Find the route of a path, and the model that it names."""
        for pattern, rule in self._named:
            if found := pattern.fullmatch(path):
                return rule, found[1]
        return path, None


def _response(body: bytes, name: str, accepted: str) -> PlainResponse:
    packed = ""
    if len(body) >= compression.MIN_BYTES and compression.takes_gzip(accepted):
        body, packed = compression.packed(body), "Content-Encoding: gzip\r\n"
    headers = (
        f"Content-Type: application/json\r\n{request_id.HEADER}: {name}\r\n"
        f"X-Content-Type-Options: nosniff\r\n"
        f"Vary: Accept-Encoding\r\n{packed}Content-Length: {len(body)}\r\n"
    )
    return PlainResponse(name, headers, body)
