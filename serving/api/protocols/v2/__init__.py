"""The Open Inference Protocol V2 over REST, as Triton, KServe and MLServer speak it.

With its extensions for binary tensors, classification and the model repository.
"""

from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from serving import __version__
from serving.api import explanations
from serving.api.around.access import caller
from serving.api.body import read_body
from serving.api.declared import declares
from serving.api.openapi.operation import Operation, response
from serving.api.protocols import refusals
from serving.api.protocols.refusals import described
from serving.api.protocols.v2 import repository
from serving.api.protocols.v2.documented import infer_operation
from serving.api.protocols.v2.metadata import ModelMetadata, metadata
from serving.api.protocols.v2.requests import HEADER, Content, Request, split, to_rows
from serving.api.protocols.v2.responses import choose, explains, respond
from serving.api.respond import as_json
from serving.errors import NotJSON
from serving.inputs.schema import Rows
from serving.models.engine import Engine
from serving.models.outputs import Predictions
from serving.models.predicted import Predicted
from serving.predicting.context import RequestContext
from serving.predicting.service import Service
from serving.settings import Settings

INFER = "/v2/models/<name>/infer"
EXTENSIONS = (
    *("binary_tensor_data", "classification", "parameters"),
    *("model_repository", "model_repository_extension"),  # as Triton and as KServe call it
)


class Live(msgspec.Struct):
    """The process lives."""

    live: bool


class Ready(msgspec.Struct):
    """Whether requests can be answered."""

    ready: bool


class ModelReady(msgspec.Struct):
    """A version that can predict."""

    name: str
    ready: bool


class ServerMetadata(msgspec.Struct):
    """The service, and the extensions of the protocol that it has."""

    name: str
    version: str
    extensions: tuple[str, ...]


class ModelNames(msgspec.Struct):
    """The names of all models."""

    models: list[str]


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes under /v2."""
    routes, registry = Blueprint("v2", __name__), service.registry
    refusals.register(routes, below="/v2")
    repository.register(routes, service)

    routes.after_request(_leave_unpacked)

    @routes.get("/v2/health/live")
    @declares(described("Whether the process lives", Live), scope="open", pace="immediate")
    def v2_live() -> Response:
        return as_json(Live(live=True))

    @routes.get("/v2/health/ready")
    @declares(_ready_operation(), scope="open", pace="prompt")
    def v2_ready() -> Response:
        fails = service.required and service.journal and service.journal.failure()
        can = bool(registry.live) and not fails
        status = HTTPStatus.OK if can else HTTPStatus.SERVICE_UNAVAILABLE
        return as_json(Ready(can), status)

    @routes.get("/v2")
    @declares(described("The service and its extensions", ServerMetadata), scope="open")
    def v2_server() -> Response:
        return as_json(ServerMetadata("adega", __version__, EXTENSIONS))

    @routes.get("/v2/models")
    @declares(described("The names of all models", ModelNames), scope="any", shows_allowed=True)
    def v2_models() -> Response:
        return as_json(ModelNames([name for name in registry.live if caller().sees(name)]))

    @routes.get("/v2/models/<name>/versions/<int:version>")
    @routes.get("/v2/models/<name>", defaults={"version": None})
    @declares(described("What a model takes and returns", ModelMetadata), scope="any")
    def v2_model(name: str, version: int | None) -> Response:
        manifest = registry.manifest(name, version)
        entries = reversed(repository.entries(registry, name))
        ready = [each.version for each in entries if each.state == "READY"]
        return as_json(metadata(manifest, ready))

    @routes.get("/v2/models/<name>/versions/<int:version>/ready")
    @routes.get("/v2/models/<name>/ready", defaults={"version": None})
    @declares(described("Whether a model can predict", ModelReady), scope="any")
    def v2_model_ready(name: str, version: int | None) -> Response:
        registry.engine(name, version)  # raises where it cannot be loaded
        return as_json(ModelReady(name, ready=True))

    @routes.post("/v2/models/<name>/versions/<int:version>/infer")
    @routes.post(INFER, defaults={"version": None})
    @declares(infer_operation, scope="predict", predicts=True)
    def v2_infer(name: str, version: int | None) -> Response:
        engine, context = registry.engine(name, version), explanations.context()
        sent = Content(read_body(), request.headers.get(HEADER))
        content = infer(service, engine, sent, settings.max_records, context, may_explain=True)
        response = Response(content.body, mimetype=content.mimetype)
        if content.json_length is not None:
            response.headers[HEADER] = content.json_length
        return response

    return routes


def _leave_unpacked(response: Response) -> Response:
    """Keep a response from being packed, unless it has predictions.

    Triton's asynchronous client accepts gzip, and unpacks nothing but what `infer` returns.
    """
    is_inferred = (request.endpoint or "").endswith(".v2_infer")
    if not is_inferred or response.status_code != HTTPStatus.OK:
        response.cache_control.no_transform = True
    return response


def _predict(
    service: Service, engine: Engine, sent: Request, rows: Rows, context: RequestContext
) -> tuple[Predicted, str]:
    """Predict rows, which may be none; return the id of the response as well."""
    id_ = context.request_id if sent.id is None else sent.id
    if not len(rows.matrix):
        return Predicted(engine, [], rows, Predictions([], [], [])), id_
    return service.predict(engine, rows, context.with_own_id(sent.id)), id_


def infer(
    service: Service,
    engine: Engine,
    content: Content,
    max_records: int,
    context: RequestContext,
    *,
    may_explain: bool = False,
) -> Content:
    """From the body of a request to that of its response, each JSON that tensors may follow.

    Parameters
    ----------
    may_explain : bool
        Whether explanations, which may take long, may be among the outputs.

    Raises
    ------
    NotJSON
        For explanations, among others.
    """
    sent, parts = split(content, engine.schema)
    chosen = choose(sent, engine.manifest, explained=context.explain is not None)
    if explains(chosen):
        if not may_explain:
            raise NotJSON("explanations may take long")
        context = context._replace(explain=explanations.options(always=True))
    rows = to_rows(sent, parts, engine.schema, max_records)
    predicted, id_ = _predict(service, engine, sent, rows, context)
    return respond(predicted, chosen, id_)


# What answers plain requests without Flask: those of JSON alone, and those with tensors.
PLAIN: dict[str, Any] = {}
TENSORS = {INFER: infer}


def _ready_operation() -> Operation:
    operation = described("Whether requests can be answered", Ready)
    operation["responses"]["503"] = response(Ready, "They cannot, now.")
    return operation
