"""The service's own protocol: JSON records in, JSON predictions out."""

from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from serving.api import streams
from serving.api.around import request_id
from serving.api.respond import as_json, encode
from serving.api.usage import usage
from serving.errors import NotJSON
from serving.formats import READERS
from serving.formats.replies import reply
from serving.models.engine import Engine
from serving.predicting.service import RequestContext, Service
from serving.settings import Settings

# curl -d labels every body as a form; whoever sends no label at all means JSON too.
READ_AS_JSON = {"", "application/json", "application/x-www-form-urlencoded"}


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes that predict, through the default model or one that is named."""
    routes, max_records = Blueprint("native", __name__), settings.max_records

    @routes.post("/predict", defaults={"name": None, "version": None})
    @routes.post("/models/<name>/predict", defaults={"version": None})
    @routes.post("/models/<name>/versions/<int:version>/predict")
    def predict(name: str | None, version: int | None) -> Response:
        engine, context = service.registry.engine(name, version), request_id.context()
        if request.mimetype in READERS:
            return streams.answer(service, engine, settings)
        body = read_json()
        if streams.choice() == "inline" and body[:64].lstrip()[:1] == b"[":
            return streams.of_array(service, engine, body, max_records)
        if streams.wanted() != "application/json":
            rows = engine.schema.decode(body, max_records)
            return streams.of_json(service, engine, rows, context)
        try:
            content = answer(service, engine, body, max_records, context)
        except NotJSON as error:
            if request.is_json or body[:1] in {b"", b"{", b"["}:
                raise
            raise NotJSON(f"{error}; is it CSV? send Content-Type: text/csv") from None
        return Response(content, mimetype="application/json")

    @routes.get("/predict", defaults={"name": None, "version": None})
    @routes.get("/models/<name>/predict", defaults={"version": None})
    @routes.get("/models/<name>/versions/<int:version>/predict")
    def how(name: str | None, version: int | None) -> Response:
        return as_json(usage(service.registry.engine(name, version)))

    @routes.get("/example", defaults={"name": None, "version": None})
    @routes.get("/models/<name>/example", defaults={"version": None})
    @routes.get("/models/<name>/versions/<int:version>/example")
    def example(name: str | None, version: int | None) -> Response:
        engine = service.registry.engine(name, version)
        return as_json({"input": engine.manifest.example, **tried(service, engine)})

    return routes


def read_json() -> bytes:
    """The request's body, unless it is labelled as something else than JSON."""
    if request.mimetype not in READ_AS_JSON and not request.is_json:
        raise UnsupportedMediaType(
            f"Content-Type {request.mimetype!r} is not read here; send application/json"
        )
    body = request.get_data(cache=False)
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge  # of a length that nobody told, Werkzeug reads no more than so
    return body


def tried(service: Service, engine: Engine) -> dict[str, Any]:
    """The prediction for a version's own example, which is not recorded."""
    rows = engine.schema.decode(encode(engine.manifest.example), 1)
    told: dict[str, Any] = msgspec.to_builtins(reply(service.try_out(engine, rows)))
    return told


def answer(
    service: Service, engine: Engine, body: bytes, max_records: int, context: RequestContext
) -> bytes:
    """From a JSON body to the JSON of its predictions: one, or an array where one was sent."""
    return encode(reply(service.predict(engine, engine.schema.decode(body, max_records), context)))
