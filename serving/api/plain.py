"""Plain requests: a well-formed POST of JSON to a predict route, answered without Flask.

The server recognises them in the bytes as they came (`serving/server/plain.py`). They are answered
by the same function that the view calls. Whatever turns out to be faulty, or may take long, is left
to the view.
"""

import re
import time
from contextlib import suppress

from serving.access.access import Access, Credentials, sent_key
from serving.access.callers import Caller
from serving.api.around import compression, request_id
from serving.api.protocols import PROTOCOLS
from serving.errors import TooManyRequests
from serving.front import PlainRequest, PlainResponse
from serving.models.engine import Engine
from serving.predicting.service import RequestContext, Service
from serving.settings import Settings

NAME = "([^/]+)"


class Plain:
    """Answers plain requests to the routes that the protocols declare."""

    def __init__(self, service: Service, settings: Settings, access: Access) -> None:
        self._service, self._settings, self._access = service, settings, access
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
        caller = self._caller(request, name or self._service.registry.default)
        if caller is None:
            return None
        context = RequestContext(request_id.name(request.request_id), since, caller=caller)
        with suppress(Exception):  # why: the view meets it too, and answers it as always
            body = self._routes[rule](
                self._service, engine, request.body, self._settings.max_records, context
            )
            taken = (time.perf_counter_ns() - since) // 1000
            self._service.metrics.count_request(rule, "POST", "200", taken, predicts=True)
            return _response(body, context, request.accept_encoding)
        self._access.give_back(caller, request.address)
        return None

    def _caller(self, request: PlainRequest, model: str) -> Caller | None:
        """Return who sends a request, and count it; None if it is refused, as the view will."""
        key = sent_key(request.authorization, request.x_api_key)
        caller = self._access.known(Credentials(key, "", request.address))
        if not caller.may("predict", model):
            return None
        with suppress(TooManyRequests):
            self._access.count(caller, request.address)
            return caller
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


def _response(body: bytes, context: RequestContext, accepted: str) -> PlainResponse:
    packed = ""
    if len(body) >= compression.MIN_BYTES and compression.takes_gzip(accepted):
        body, packed = compression.packed(body), "Content-Encoding: gzip\r\n"
    headers = (
        f"Content-Type: application/json\r\n{request_id.HEADER}: {context.request_id}\r\n"
        f"X-Content-Type-Options: nosniff\r\n"
        f"Vary: Accept-Encoding\r\n{packed}Content-Length: {len(body)}\r\n"
    )
    return PlainResponse(context.request_id, context.caller.name, headers, body)
