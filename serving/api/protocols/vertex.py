"""Vertex AI: the routes that its containers are given in the environment, and Google's own path."""

from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET
from werkzeug.exceptions import BadRequest

from serving.api import explanations
from serving.api.around.errors import Problem
from serving.api.body import read_json
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, body
from serving.api.openapi.structs import listed, record, ref, text
from serving.api.protocols import instances, mlflow, refusals, values
from serving.api.protocols.refusals import described
from serving.api.respond import as_json
from serving.errors import Fault
from serving.inputs.schema import Rows
from serving.models.engine import Engine
from serving.predicting.service import Service
from serving.settings import Settings

# What Google's client posts to, with a model in place of the endpoint.
PREDICT = "/v1/projects/<project>/locations/<location>/endpoints/<name>:predict"
IN_PATH = [
    {
        "name": name,
        "in": "path",
        "required": True,
        "description": "Of Google's path; it may be anything.",
        "schema": text(),
        "example": "any",
    }
    for name in ("project", "location")
]
PLAIN: dict[str, Any] = {}


class GoogleError(msgspec.Struct):
    """An error as Google's clients read it."""

    code: int
    message: str
    status: str


class GoogleRefusal(Problem, kw_only=True):
    """What went wrong: in `error`, in one text with every fault that is listed."""

    error: GoogleError
    errors: list[Fault] | msgspec.UnsetType = UNSET


def predict_operation(about: About) -> Operation:
    """POST instances."""
    sent = record(
        ("parameters",),
        instances=listed(ref(about.of_model("Record"))),
        parameters=values.parameters(about.manifest),
    )
    return described(
        f"Predict {about.manifest.target} by Vertex AI's protocol",
        values.described(),
        GoogleRefusal,
        description="One prediction for each instance, in order. An instance may also be a list of "
        "values in the order of the fields.",
        requestBody=body(sent, {"instances": {"instances": [about.manifest.example]}}),
    )


def by_path_operation(about: About) -> Operation:
    """POST instances to Google's own path."""
    return predict_operation(about) | {"parameters": IN_PATH}


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes of the environment, if it has any, and Google's own path."""
    routes = Blueprint("vertex", __name__)
    registry = service.registry
    refusals.register(routes, _refusal)

    @routes.post(PREDICT)
    @declares(by_path_operation, scope="predict", predicts=True)
    def vertex_predict(project: str, location: str, name: str) -> Response:
        del project, location
        return respond(registry.engine(name))

    def respond(engine: Engine) -> Response:
        rows, method, unused = _read(engine, read_json(), settings.max_records)
        predicted = service.predict(engine, rows, explanations.context())
        return as_json(
            {"predictions": values.outputs(predicted, method), **values.about(predicted, unused)}
        )

    if settings.aip_predict_route:

        @routes.post(settings.aip_predict_route, defaults={"name": None})
        @declares(predict_operation, scope="predict", predicts=True)
        def predict(name: None) -> Response:
            return respond(registry.engine(name))

    if settings.aip_health_route:
        health = mlflow.health_view(registry)
        routes.add_url_rule(settings.aip_health_route, "health", health, methods=["GET"])
    return routes


def _read(engine: Engine, content: bytes, max_records: int) -> tuple[Rows, str, list[str]]:
    """Read a body: its rows, the method that it chooses, and parameters without a meaning.

    Raises
    ------
    NotJSON, BadRequest, TooManyRecords, InvalidRecords
    """
    parsed = instances.read_object(content)
    sent = parsed.get("instances")
    if not isinstance(sent, list):
        raise BadRequest("the body needs `instances`, an array")
    method, unused = values.chosen(parsed.get("parameters"), engine.manifest)
    rows = instances.read_instances(engine.schema, sent, max_records)
    if len(rows.matrix) != len(sent):
        raise BadRequest(
            f"{len(sent)} instances have {len(rows.matrix)} records; send one value for each field"
        )
    return rows, method, unused


def _refusal(problem: Problem, faults: list[Fault]) -> GoogleRefusal:
    made = refusals.refusal(problem, faults)
    name = "INVALID_ARGUMENT" if made.status == HTTPStatus.BAD_REQUEST else made.error_code
    return GoogleRefusal(
        made.type,
        made.title,
        made.status,
        made.detail,
        error=GoogleError(made.status, made.error, name),
        errors=made.errors,
    )
