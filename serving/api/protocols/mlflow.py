"""MLflow's scoring server, 2.0 and later, and Databricks' paths to the same.

A body of JSON has one of four members with records; a CSV begins with the names of its columns.
Parquet is not read: nothing else of the service needs a library for it.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET, Raw, UnsetType
from werkzeug.exceptions import BadRequest, ServiceUnavailable, UnsupportedMediaType

from serving import __version__
from serving.api import explanations
from serving.api.body import read_body, read_json
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, body, operation
from serving.api.openapi.structs import listed, record, ref, text
from serving.api.protocols import instances, refusals, values
from serving.api.protocols.refusals import described
from serving.api.respond import as_json, encode
from serving.front import READ_AS_JSON
from serving.inputs.schema import Rows, Schema
from serving.inputs.strict_json import JSONObject
from serving.models.engine import Engine
from serving.models.predicted import Predicted
from serving.predicting.service import RequestContext, Service
from serving.settings import Settings
from serving.versions.registry import Registry

INVOCATIONS = "/invocations"
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
FORMS = "dataframe_split, dataframe_records, instances, inputs"
OLD = {"columns", "data"}  # of a body of before MLflow 2.0


class Up(msgspec.Struct):
    """The default model can predict."""

    status: Literal["ready"] = "ready"


class Split(msgspec.Struct):
    """A frame; its index is of no use."""

    columns: list[str]
    data: instances.Plain


class Sent(msgspec.Struct, forbid_unknown_fields=True):
    """A body with one of two members, as it is plain to read."""

    dataframe_records: Raw | UnsetType = UNSET
    dataframe_split: Split | UnsetType = UNSET


class Call(NamedTuple):
    """What a body asks for; `unused` are the names in it that have no meaning here."""

    rows: Rows
    method: str = "predict"
    unused: Sequence[str] = ()


decoder = msgspec.json.Decoder(Sent)


def invocations_operation(about: About) -> Operation:
    """POST records in one of the four members."""
    records = listed(ref(about.of_model("Record")))
    table = record(("index",), columns=listed(text()), index={"type": "array"}, data=listed({}))
    anything = {"type": ["array", "object"]}
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
        description=f"Exactly one of {FORMS}. CSV with a line of names is read as well.",
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
        require_readable({CSV})
        if request.mimetype == CSV:
            sent = read_body()
            rows, unused = instances.read_csv(engine.schema, sent, max_records)
            call = Call(rows, unused=unused)
            content = encoded(service.predict(engine, rows, explanations.context()), call)
        else:
            content = predict(service, engine, read_json(), max_records, explanations.context())
        return Response(content, mimetype="application/json")

    return routes


def health_view(registry: Registry) -> Callable[[], Response]:
    """Make the view that reports whether the default model is loaded, without waiting for it."""

    @declares(
        operation(
            "Whether the default model can predict",
            Up,
            others={HTTPStatus.SERVICE_UNAVAILABLE: refusals.response()},
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
    call = read(engine, body, max_records)
    return encoded(service.predict(engine, call.rows, context), call)


PLAIN = {"/serving-endpoints/<name>/invocations": predict}


def encoded(predicted: Predicted, call: Call) -> bytes:
    """Encode predictions as MLflow's clients read them."""
    about = values.about(predicted, call.unused)
    return encode({"predictions": values.outputs(predicted, call.method), **about})


def require_readable(kinds: set[str]) -> None:
    """Raise an error for what clients of MLflow send, and this service does not read.

    Parameters
    ----------
    kinds : set of str
        The media types that are read besides JSON.

    Raises
    ------
    UnsupportedMediaType
    """
    if request.mimetype == PARQUET:
        raise UnsupportedMediaType(
            "this service does not read Parquet; send text/csv, or application/json with "
            "dataframe_split"
        )
    if unknown := sorted(request.mimetype_params.keys() - {"charset"}):
        raise UnsupportedMediaType(
            f"the Content-Type has the parameter {unknown[0]!r}, as before MLflow 2.0; send "
            f"application/json alone, and one of {FORMS} in the body"
        )
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(f"charset={charset} is not supported; send utf-8")
    if request.mimetype not in {*kinds, *READ_AS_JSON}:
        raise UnsupportedMediaType(
            f"Content-Type {request.mimetype!r} is not supported; send application/json or text/csv"
        )


def read(engine: Engine, body: bytes, max_records: int) -> Call:
    """Read a body of JSON.

    Raises
    ------
    NotJSON, BadRequest, TooManyRecords, InvalidRecords
    """
    try:
        sent = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # such as NaN, or another member
    else:
        rows = _plain(engine.schema, sent, max_records)
        if rows:
            return Call(rows)
    parsed = instances.read_object(body)
    given = [name for name in READERS if name in parsed]
    if len(given) != 1:
        raise BadRequest(_not_one(parsed, given))
    method, unused = values.chosen(parsed.get("params"), engine.manifest)
    (form,) = given
    return Call(READERS[form](engine.schema, parsed[form], max_records), method, unused)


def _plain(schema: Schema, sent: Sent, max_records: int) -> Rows | None:
    records, table = sent.dataframe_records, sent.dataframe_split
    if table is UNSET and not isinstance(records, UnsetType):
        return instances.read_plain(schema, bytes(records), max_records)
    if records is UNSET and not isinstance(table, UnsetType):
        return instances.read_table(schema, table.columns, table.data, max_records)
    return None


def _not_one(parsed: JSONObject, given: list[str]) -> str:
    if parsed.keys() >= OLD:
        return (
            "the body has `columns` and `data` at its top, as before MLflow 2.0; send "
            '{"dataframe_split": {"columns": …, "data": …}}'
        )
    return f"the body needs exactly one of {FORMS}; it has {' and '.join(given) or 'none'}"


def _table(schema: Schema, table: Any, max_records: int) -> Rows:
    if not isinstance(table, JSONObject):
        raise BadRequest("`dataframe_split` is no object; send one with `columns` and `data`")
    if table.get("columns") is None:
        return instances.read_instances(schema, table.get("data"), max_records)
    return instances.read_table(schema, table["columns"], table.get("data"), max_records)


READERS: dict[str, Callable[[Schema, Any, int], Rows]] = {
    "dataframe_split": _table,
    "dataframe_records": instances.read_instances,
    "instances": instances.read_instances,
    "inputs": instances.read_instances,
}
