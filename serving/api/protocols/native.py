"""The service's own protocol: JSON records in, JSON predictions out; CSV and JSON Lines, too."""

import csv
import io
import json
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from serving.api import explanations, streams, table_bodies
from serving.api.body import read_json
from serving.api.declared import declares
from serving.api.openapi.operation import (
    About,
    Operation,
    body,
    one_or_many,
    operation,
    response,
)
from serving.api.openapi.structs import ref, text
from serving.api.respond import as_json, encode
from serving.api.usage import Usage, usage
from serving.errors import NotJSON
from serving.formats import READERS, WRITERS, arrow, workbook
from serving.formats.bodies import to_body
from serving.inputs.strict_json import first_character
from serving.models.engine import Engine
from serving.predicting.context import RequestContext
from serving.predicting.service import Service
from serving.settings import Settings

BINARIES = {*arrow.MEDIA_TYPES, *workbook.MEDIA_TYPES}
BINARY = {"type": "string", "format": "binary"}
DEFAULT, OF_MODEL = "/predict", "/models/<name>/predict"
STREAMS = """

CSV, JSON Lines, Parquet and Arrow are streams, with any number of records; the
last two are read and written where pyarrow is installed. The first sheet of a workbook (.xlsx,
.xls, .xlsb or .ods) is read like CSV; `X-Sheet` names it. Where many records are sent, in any
format, `?faults=inline` puts the faults of an invalid record in the place of its prediction, and
predicts the others. `Accept` chooses the format of the response."""


def predict_operation(about: About) -> Operation:
    """POST a record, or many."""
    success = response(
        {"oneOf": [ref(about.of_model("Prediction")), ref(about.of_model("Predictions"))]},
        "One prediction, or many where many records were sent.",
        **({"example": about.predicted} if about.is_default else {}),
    )
    unused = {"description": "Columns that were not used.", "schema": text()}
    sheet = {"description": "The sheet of a workbook that was read.", "schema": text()}
    success["headers"] = {streams.UNUSED: unused, table_bodies.SHEET: sheet}
    sent = body(
        one_or_many(ref(about.of_model("Record")), about.max_records),
        {**about.examples, "many records": [*about.examples.values()]},
    )
    for each in READERS:
        if each in BINARIES:
            sent["content"][each] = {"schema": BINARY}
        else:
            written = _written(each, about.manifest.example)
            sent["content"][each] = {"schema": text(), "example": written}
    for each in WRITERS:
        schema = BINARY if each in arrow.MEDIA_TYPES else text()
        success["content"].setdefault(each, {"schema": schema})
    described = operation(
        f"Predict {about.manifest.target}",
        success,
        (400, 404, 408, 413, 415, 503),
        description=f"{about.manifest.title}. A body without a Content-Type, or with the one that "
        f"curl gives it, is read as JSON too.{STREAMS}",
        requestBody=sent,
    )
    refused = f"#/components/responses/{about.of_model('Refused')}"
    described["responses"]["422"] = {"$ref": refused}
    return described


def example_operation(about: About) -> Operation:
    """GET a record that works, and its prediction."""
    return operation(
        "A record that works, with its prediction",
        response(ref(about.of_model("Example")), "The prediction, and the record as `input`."),
        (404, 503),
        description="This prediction is neither recorded nor counted, so it has no id.",
    )


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes that predict, by the default model or by one that is named."""
    routes, max_records = Blueprint("native", __name__), settings.max_records

    @routes.post("/models/<name>/versions/<int:version>/predict")
    @routes.post(OF_MODEL, defaults={"version": None})
    @routes.post(DEFAULT, defaults={"name": None, "version": None})
    @declares(predict_operation, scope="predict", predicts=True)
    def predict(name: str | None, version: int | None) -> Response:
        engine, context = service.registry.engine(name, version), explanations.context()
        if request.mimetype in READERS:
            return streams.predict_stream(service, engine, settings)
        body = read_json()
        if streams.faults_inline() and first_character(body) == b"[":
            return streams.predict_array(service, engine, body, max_records)
        if streams.response_type() != "application/json":
            rows = engine.schema.decode(body, max_records)
            return streams.predict_rows(service, engine, rows, context)
        try:
            content = predict_json(service, engine, body, max_records, context)
        except NotJSON as error:
            if request.is_json or body[:1] in {b"", b"{", b"["}:
                raise
            raise NotJSON(f"{error}; is it CSV? send Content-Type: text/csv") from None
        return Response(content, mimetype="application/json")

    if settings.predict_route:
        # Another endpoint, as Werkzeug redirects from one path of an endpoint to another.
        unnamed = {"name": None, "version": None}
        routes.post(settings.predict_route, endpoint="by_route", defaults=unnamed)(predict)

    @routes.get("/models/<name>/versions/<int:version>/predict", endpoint="usage")
    @routes.get(OF_MODEL, endpoint="usage", defaults={"version": None})
    @routes.get(DEFAULT, endpoint="usage", defaults={"name": None, "version": None})
    @declares(operation("How to send records", Usage, (404, 503)), scope="any")
    def how(name: str | None, version: int | None) -> Response:
        return as_json(usage(service.registry.engine(name, version)))

    @routes.get("/models/<name>/versions/<int:version>/example")
    @routes.get("/models/<name>/example", defaults={"version": None})
    @routes.get("/example", defaults={"name": None, "version": None})
    @declares(example_operation, scope="predict")
    def example(name: str | None, version: int | None) -> Response:
        engine = service.registry.engine(name, version)
        return as_json({"input": engine.manifest.example, **predicted_example(service, engine)})

    return routes


def predicted_example(service: Service, engine: Engine) -> dict[str, Any]:
    """The prediction for a version's own example, which is not recorded."""
    rows = engine.schema.decode(encode(engine.manifest.example), 1)
    prediction: dict[str, Any] = msgspec.to_builtins(
        to_body(service.predict_unrecorded(engine, rows))
    )
    return prediction


def predict_json(
    service: Service, engine: Engine, body: bytes, max_records: int, context: RequestContext
) -> bytes:
    """From a JSON body to the JSON of its predictions: one, or an array where one was sent."""
    rows = engine.schema.decode(body, max_records)
    return encode(to_body(service.predict(engine, rows, context)))


# What answers plain requests without Flask.
PLAIN = {DEFAULT: predict_json, OF_MODEL: predict_json}


def _written(mimetype: str, example: dict[str, Any]) -> str:
    """A record in one of the formats that are read as streams."""
    if "json" in mimetype:
        return json.dumps(example, ensure_ascii=False) + "\n"
    table = io.StringIO()
    delimiter = "," if mimetype == "text/csv" else "\t"
    csv.writer(table, delimiter=delimiter, lineterminator="\n").writerows(
        [example.keys(), example.values()]
    )
    return table.getvalue()
