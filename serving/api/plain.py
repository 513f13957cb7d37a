"""Plain requests: a well-formed POST of JSON or tensors to a predict route, without Flask.

The server recognises them in the bytes as they came (`serving/server/plain.py`). They are answered
by the same function that the view calls. Whatever turns out to be faulty, or waits for a model, is
left to the view.
"""

import re
import time
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from serving.access.access import Access, Credentials, sent_key
from serving.access.callers import Caller
from serving.api.around import compression, request_id
from serving.api.protocols import PROTOCOLS, TENSORS, Answer, AnswerTensors, native
from serving.api.protocols.v2.requests import HEADER, Content
from serving.errors import NotJSON, TooManyRequests
from serving.front import PlainRequest, PlainResponse
from serving.models.engine import Engine
from serving.predicting.context import RequestContext
from serving.predicting.service import Service
from serving.settings import Settings

NAME = "([^/]+)"
MAY_EXPLAIN = re.compile(rb"explanation|\\u")  # JSON may write any letter of the name as \u0065


class Route(NamedTuple):
    """A route that takes plain requests, to the model `name` or to the default one."""

    rule: str
    name: str | None
    predict: AnswerTensors
    service: Service
    access: Access
    max_records: int

    def is_prompt(self, body: bytes) -> bool:
        """Whether the model is in memory and fast, and no explanation can be an output."""
        is_explained = self.rule in TENSORS and MAY_EXPLAIN.search(body)
        return not is_explained and self._engine() is not None

    def answer(self, request: PlainRequest) -> PlainResponse | None:
        """Answer a request; None if the view has to."""
        since = time.perf_counter_ns()
        engine = self._engine()
        if engine is None:
            return None
        caller = self._caller(request)
        if caller is None:
            return None
        with suppress(Exception):  # why: the view meets it too, and answers it as always
            subject = request_id.subject(request.subject or None)
            name = request_id.name(request.request_id)
            own_id = request_id.own_id(request.own_id or None)
            context = RequestContext(name, since, subject, caller, own_id=own_id)
            sent = Content(request.body, request.json_length or None)
            content = self.predict(self.service, engine, sent, self.max_records, context)
            taken = (time.perf_counter_ns() - since) // 1000
            self.service.metrics.count_request(self.rule, "POST", "200", taken, predicts=True)
            return _response(content, context, request.accept_encoding)
        self.access.give_back(caller, request.address)
        return None

    def _caller(self, request: PlainRequest) -> Caller | None:
        """Return who sends a request, and count it; None if it is refused, as the view will."""
        caller, key = self.access.everybody, ""
        if request.x_api_key or request.authorization:
            key = sent_key(request.authorization, request.x_api_key)
            caller = self.access.known_by_key(key, request.address)
        if not caller.may("predict", self.name or self.service.registry.default):
            return None
        try:
            self.access.count(caller, request.address)
        except TooManyRequests:
            return None
        if key and not caller.name:
            self.access.count_guess(Credentials(key, "", request.address))
        return caller

    def _engine(self) -> Engine | None:
        """Return the live version of the model, unless it has to be loaded, or is slow."""
        engine = self.service.registry.loaded_engine(self.name)
        return engine if engine and engine.backend != "pickle" else None


class Plain:
    """The routes of the protocols that take plain requests."""

    def __init__(self, service: Service, settings: Settings, access: Access) -> None:
        answers = {
            rule: _of_json(answer)
            for protocol in PROTOCOLS
            for rule, answer in protocol.PLAIN.items()
        }
        if settings.predict_route:
            answers[settings.predict_route] = answers[native.DEFAULT]
        routes = [
            Route(rule, None, answer, service, access, settings.max_records)
            for rule, answer in {**answers, **TENSORS}.items()
        ]
        self._of_default = {route.rule: route for route in routes if "<name>" not in route.rule}
        self._of_models = [
            (re.compile(route.rule.replace("<name>", NAME)), route)
            for route in routes
            if "<name>" in route.rule
        ]

        self.find = lru_cache(maxsize=1024)(self._find)

    def _find(self, path: str) -> Route | None:
        """Find the route of a path."""
        if route := self._of_default.get(path):
            return route
        for pattern, route in self._of_models:
            if found := pattern.fullmatch(path):
                return route._replace(name=found[1])
        return None


def _of_json(answer: Answer) -> AnswerTensors:
    """Answer JSON only; tensors are left to the view."""

    def answer_json(
        service: Service, engine: Engine, sent: Content, max_records: int, context: RequestContext
    ) -> Content:
        if sent.json_length is not None:
            raise NotJSON("tensors may follow the JSON")
        return Content(answer(service, engine, sent.body, max_records, context))

    return answer_json


def _response(content: Content, context: RequestContext, accepted: str) -> PlainResponse:
    body, packed, more = content.body, "", ""
    if content.json_length is not None:
        more = f"{HEADER}: {content.json_length}\r\n"
    encoding = compression.accepted_encoding(accepted) if len(body) >= compression.MIN_BYTES else ""
    if encoding:
        body = compression.packed(body, encoding)
        packed = f"Content-Encoding: {encoding}\r\n"
    headers = (
        f"Content-Type: {content.mimetype}\r\n{more}{request_id.HEADER}: {context.request_id}\r\n"
        f"X-Content-Type-Options: nosniff\r\n"
        f"Vary: Accept-Encoding\r\n{packed}Content-Length: {len(body)}\r\n"
    )
    return PlainResponse(context.request_id, context.caller.name, headers, body)
