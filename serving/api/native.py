"""The service's own protocol: JSON records in, JSON predictions out."""

from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from serving.api.respond import as_json, encode
from serving.engine import Engine
from serving.service import Answer, Service

# curl -d labels every body as a form; whoever sends no label at all means JSON too.
READ_AS_JSON = {"", "application/json", "application/x-www-form-urlencoded"}


def blueprint(service: Service, max_records: int) -> Blueprint:
    """Routes that predict, through the default model or one that is named."""
    routes = Blueprint("native", __name__)

    @routes.post("/predict", defaults={"name": None})
    @routes.post("/models/<name>/predict")
    def predict(name: str | None) -> Response:
        engine = service.registry.engine(name)
        if request.mimetype not in READ_AS_JSON and not request.is_json:
            raise UnsupportedMediaType(
                f"Content-Type {request.mimetype!r} is not read here; send application/json"
            )
        body = request.get_data(cache=False)
        return Response(answer(service, engine, body, max_records), mimetype="application/json")

    @routes.get("/example", defaults={"name": None})
    @routes.get("/models/<name>/example")
    def example(name: str | None) -> Response:
        engine = service.registry.engine(name)
        record = engine.manifest.example
        rows = engine.schema.decode(encode(record), max_records)
        return as_json({"input": record, **_sent(service.predict(engine, rows))})

    return routes


def answer(service: Service, engine: Engine, body: bytes, max_records: int) -> bytes:
    """From a JSON body to the JSON of its predictions: one, or an array where one was sent."""
    return encode(_sent(service.predict(engine, engine.schema.decode(body, max_records))))


def _sent(answer: Answer) -> dict[str, Any]:
    classes, remarks = answer.engine.manifest.classes, answer.rows.remarks
    predictions = [
        {
            "id": id_,
            "prediction": label,
            "probabilities": dict(zip(classes, probabilities, strict=True)),
            "warnings": remarks.get(row, []),
        }
        for row, (id_, label, probabilities) in enumerate(
            zip(answer.ids, *answer.predictions, strict=True)
        )
    ]
    made_by = {"model": answer.engine.manifest.name, "version": answer.engine.manifest.version}
    return (
        {"predictions": predictions, **made_by}
        if answer.rows.many
        else {**predictions[0], **made_by}
    )
