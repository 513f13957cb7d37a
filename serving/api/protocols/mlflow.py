"""MLflow's scoring server, 2.0 and later, and Databricks' paths to the same.

`frames.py` reads the bodies. `/invocations` is SageMaker's path as well, and is served there.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Literal

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import ServiceUnavailable

from serving import __version__
from serving.api import explanations
from serving.api.body import read_body, read_json
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, body, operation, response
from serving.api.openapi.structs import listed, record, ref, text
from serving.api.protocols import frames, refusals, values
from serving.api.protocols.frames import CSV, FORMS, PARQUET, Call
from serving.api.protocols.refusals import described
from serving.api.respond import as_json, encode
from serving.models.engine import Engine
from serving.models.predicted import Predicted
from serving.predicting.context import RequestContext
from serving.predicting.service import Service
from serving.settings import Settings
from serving.versions.registry import Registry

INVOCATIONS = "/invocations"


class Up(msgspec.Struct):
    """The default model can predict."""

    status: Literal["ready"] = "ready"


def invocations_operation(about: About) -> Operation:
    """POST records in one of the four members."""
    records = listed(ref(about.of_model("Record")))
    table = record(("index",), columns=listed(text()), index=listed({}), data=listed({}))
    anything = {"anyOf": [listed({}), {"type": "object"}]}
    members = {
        "dataframe_records": records,
        "dataframe_split": table,
        "instances": anything,
        "inputs": anything,
        "params": values.parameters(about.manifest),
    }
    example = about.manifest.example
    split = {"columns": [*example], "data": [[*example.values()]]}
    examples = {
        "records": {"dataframe_records": [example]},
        "a frame": {"dataframe_split": split},
        "columns": {"inputs": {name: [value] for name, value in example.items()}},
    }
    return described(
        f"Predict {about.manifest.target} by MLflow's protocol",
        values.described(),
        description=f"Exactly one of {FORMS}. CSV with a line of names is read as well, and "
        "Parquet where pyarrow is installed.",
        requestBody=body(record([*members], **members), examples),
    )


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes of the scoring server."""
    routes = Blueprint("mlflow", __name__)
    registry, max_records = service.registry, settings.max_records
    refusals.register(routes, below="/model")  # where a version is no number

    health = health_view(registry)
    routes.add_url_rule("/ping", "ping", health, methods=["GET"])
    routes.add_url_rule("/health", "health", health, methods=["GET"])

    @routes.get("/version")
    @declares(
        operation(
            "The version of the service",
            {"description": "As text.", "content": {"text/plain": {"schema": text()}}},
        ),
        scope="any",
        shows_allowed=True,
    )
    def version() -> Response:
        return Response(__version__, mimetype="text/plain")

    @routes.post("/model/<name>/<int:version>/invocations")
    @routes.post("/serving-endpoints/<name>/invocations", defaults={"version": None})
    @declares(invocations_operation, scope="predict", predicts=True)
    def invocations(name: str, version: int | None) -> Response:
        engine = registry.engine(name, version)
        frames.require_readable({CSV})
        if request.mimetype in {CSV, PARQUET}:
            call = frames.read_table(engine, request.mimetype, read_body(), max_records)
        else:
            call = frames.read(engine, read_json(), max_records)
        predicted = service.predict(engine, call.rows, explanations.context())
        return Response(encoded(predicted, call), mimetype="application/json")

    return routes


def health_view(registry: Registry) -> Callable[[], Response]:
    """Make the view that reports whether the default model is loaded, without waiting for it."""

    @declares(
        operation(
            "Whether the default model can predict",
            Up,
            others={HTTPStatus.SERVICE_UNAVAILABLE: response(refusals.Refusal)},
        ),
        scope="open",
        pace="immediate",
    )
    def health() -> Response:
        if not registry.loaded_engine():
            raise ServiceUnavailable(f"the default model {registry.default!r} is not loaded")
        return as_json(Up())

    return health


def predict(
    service: Service, engine: Engine, body: bytes, max_records: int, context: RequestContext
) -> bytes:
    """From the JSON of a body to that of the response."""
    call = frames.read(engine, body, max_records)
    return encoded(service.predict(engine, call.rows, context), call)


PLAIN = {"/serving-endpoints/<name>/invocations": predict}


def encoded(predicted: Predicted, call: Call) -> bytes:
    """Encode predictions as MLflow's clients read them."""
    about = values.about(predicted, call.unused)
    return encode({"predictions": values.outputs(predicted, call.method), **about})
