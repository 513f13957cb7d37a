"""The service's own protocol: JSON records in, JSON predictions out."""

from collections.abc import Sequence
from functools import cache

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET
from werkzeug.exceptions import UnsupportedMediaType

from serving.api import request_id
from serving.api.respond import as_json, encode
from serving.engine import Engine
from serving.schema import Remark
from serving.service import Answer, Asked, Service

# curl -d labels every body as a form; whoever sends no label at all means JSON too.
READ_AS_JSON = {"", "application/json", "application/x-www-form-urlencoded"}


def blueprint(service: Service, max_records: int) -> Blueprint:
    """Routes that predict, through the default model or one that is named."""
    routes = Blueprint("native", __name__)

    @routes.post("/predict", defaults={"name": None, "version": None})
    @routes.post("/models/<name>/predict", defaults={"version": None})
    @routes.post("/models/<name>/versions/<int:version>/predict")
    def predict(name: str | None, version: int | None) -> Response:
        engine, asked = service.registry.engine(name, version), request_id.asked()
        content = answer(service, engine, read_json(), max_records, asked)
        return Response(content, mimetype="application/json")

    @routes.get("/example", defaults={"name": None, "version": None})
    @routes.get("/models/<name>/example", defaults={"version": None})
    @routes.get("/models/<name>/versions/<int:version>/example")
    def example(name: str | None, version: int | None) -> Response:
        engine = service.registry.engine(name, version)
        record = engine.manifest.example
        rows = engine.schema.decode(encode(record), max_records)
        answered = service.predict(engine, rows, request_id.asked())
        prediction = msgspec.to_builtins(_sent(answered))
        return as_json({"input": record, **prediction})

    return routes


def read_json() -> bytes:
    """The request's body, unless it is labelled as something else than JSON."""
    if request.mimetype not in READ_AS_JSON and not request.is_json:
        raise UnsupportedMediaType(
            f"Content-Type {request.mimetype!r} is not read here; send application/json"
        )
    return request.get_data(cache=False)


def answer(service: Service, engine: Engine, body: bytes, max_records: int, asked: Asked) -> bytes:
    """From a JSON body to the JSON of its predictions: one, or an array where one was sent."""
    return encode(_sent(service.predict(engine, engine.schema.decode(body, max_records), asked)))


class Interval(msgspec.Struct, gc=False):
    """Between which numbers the true one lies, and in which share of cases."""

    low: float
    high: float
    coverage: float


class Prediction(msgspec.Struct, gc=False):
    """One prediction as it is sent; in an array, model and version stand once beside it."""

    id: str
    prediction: str | float
    probabilities: msgspec.Struct | msgspec.UnsetType
    interval: Interval | msgspec.UnsetType
    model: str | msgspec.UnsetType
    version: int | msgspec.UnsetType
    warnings: Sequence[Remark]


class Predictions(msgspec.Struct, gc=False):
    """Many predictions as they are sent, in the order of the records."""

    predictions: list[Prediction]
    model: str
    version: int


def _sent(answer: Answer) -> Prediction | Predictions:
    manifest, (matrix, remarks, many) = answer.engine.manifest, answer.rows
    values, probabilities, intervals = answer.predictions
    labelled = _by_class(manifest.classes)
    coverage = manifest.interval.coverage if manifest.interval else 0.0
    model, version = (UNSET, UNSET) if many else (manifest.name, manifest.version)
    predictions = [
        Prediction(
            answer.ids[row],
            values[row],
            labelled(*probabilities[row]) if probabilities else UNSET,
            Interval(*intervals[row], coverage) if intervals else UNSET,
            model,
            version,
            remarks.get(row, ()),
        )
        for row in range(len(matrix))
    ]
    return Predictions(predictions, manifest.name, manifest.version) if many else predictions[0]


@cache
def _by_class(classes: tuple[str, ...]) -> type[msgspec.Struct]:
    """A struct with one number for each class, sent under the class's own name."""
    attributes = [f"class_{code}" for code in range(len(classes))]
    return msgspec.defstruct(
        "Probabilities",
        [(attribute, float) for attribute in attributes],
        rename=dict(zip(attributes, classes, strict=True)),
        gc=False,
    )
