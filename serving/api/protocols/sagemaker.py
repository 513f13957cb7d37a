"""SageMaker: `/invocations` of its containers, and `/endpoints/NAME/invocations`, as AWS has it.

The first is MLflow's path as well, so JSON objects are read as MLflow's. Besides, there are lists
of values, a table without a line of names, JSON Lines and NumPy's format; `Accept` chooses the
format of the response, in which each line of a text has one line. In a batch transform a line that
is invalid gets a placeholder, because a refusal would fail the whole job.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from serving.api import explanations, streams
from serving.api.body import read_body
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, operation, response
from serving.api.openapi.structs import listed, text
from serving.api.protocols import frames, instances, invocation_formats, mlflow, refusals, values
from serving.api.protocols.frames import PARQUET, Call
from serving.api.protocols.invocation_formats import CSV, JSON, LINES, NPY, OF_LINES, WRITTEN, Piece
from serving.formats import Batch, Reader, predict_batch
from serving.inputs.schema import Rows
from serving.inputs.strict_json import first_character
from serving.models.engine import Engine
from serving.models.predicted import Predicted
from serving.predicting.context import RequestContext
from serving.predicting.service import Service
from serving.settings import Settings

HEADER = "X-Amzn-SageMaker-"
ATTRIBUTES, INFERENCE_ID = f"{HEADER}Custom-Attributes", f"{HEADER}Inference-Id"
VARIANT = "x-Amzn-Invoked-Production-Variant"
IDS = "X-Prediction-Ids"
MAX_IDS = 100  # in a header
PLAIN = {mlflow.INVOCATIONS: mlflow.predict}


class ExecutionParameters(msgspec.Struct, rename="pascal"):
    """How a batch transform may call the service."""

    max_concurrent_transforms: int
    batch_strategy: str
    max_payload_in_MB: int = msgspec.field(name="MaxPayloadInMB")  # noqa: N815 - AWS's name


def invocations_operation(about: About) -> Operation:
    """POST records in one of many formats."""
    described = mlflow.invocations_operation(about)
    described["responses"]["406"] = response(refusals.Refusal)
    content = described["responses"]["200"]["content"]
    bare = listed(values.VALUE | {"description": "Where what was sent names nothing."})
    content[JSON] = {"schema": {"anyOf": [content[JSON]["schema"], bare]}}
    for each in WRITTEN[1:]:
        content[each] = {"schema": text()}
    described["summary"] = f"Predict {about.manifest.target} by SageMaker's or MLflow's protocol"
    described["description"] += (
        " As SageMaker has it: an array of lists, CSV without names, JSON Lines and "
        f"`{NPY}` are read, and `Accept` chooses the format of the response. "
        f"`{ATTRIBUTES}` is returned; `{INFERENCE_ID}` is recorded as `X-Own-ID` is."
    )
    described["parameters"] = [
        {"name": name, "in": "header", "description": meaning, "schema": text()}
        for name, meaning in (
            (ATTRIBUTES, "Returned as it is; `predict_method=…` in it chooses the method."),
            (INFERENCE_ID, "The caller's own id of the prediction."),
        )
    ]
    return described


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes of a container, and of an endpoint."""
    routes = Blueprint("sagemaker", __name__)
    refusals.register(routes, below=mlflow.INVOCATIONS)  # also by another method

    @routes.post("/endpoints/<name>/invocations")
    @routes.post(mlflow.INVOCATIONS, defaults={"name": None})
    @declares(invocations_operation, scope="predict", predicts=True)
    def invoke(name: str | None) -> Response:
        engine = service.registry.engine(name)
        response = _respond(service, engine, settings)
        if name:
            response.headers[VARIANT] = f"{engine.manifest.name}-{engine.manifest.version}"
        if attributes := request.headers.get(ATTRIBUTES):
            response.headers[ATTRIBUTES] = attributes
        return response

    @routes.get("/execution-parameters")
    @declares(
        operation("How a batch transform may call the service", ExecutionParameters), scope="open"
    )
    def execution_parameters() -> Response:
        megabytes = max(1, settings.max_body_bytes // 2**20)
        parameters = ExecutionParameters(settings.web_concurrency, "MULTI_RECORD", megabytes)
        return Response(msgspec.json.encode(parameters), mimetype=JSON)

    return routes


def _respond(service: Service, engine: Engine, settings: Settings) -> Response:
    frames.require_readable(invocation_formats.READ)
    body = read_body()
    kind = invocation_formats.kind(request.mimetype, body)
    is_batch = settings.sagemaker_batch or streams.faults_inline()
    default = kind if settings.sagemaker_batch and kind in {CSV, LINES} else JSON
    accepted = invocation_formats.accepted(request.accept_mimetypes, default)
    context = explanations.context().with_own_id(request.headers.get(INFERENCE_ID))
    max_records = settings.max_records

    def predict(rows: Rows, context: RequestContext = context, *, named: bool = False) -> Predicted:
        if context.explain and not (named or accepted in OF_LINES):
            raise BadRequest(
                "bare values have no place for explanations; send an object with "
                f"{frames.FORMS}, or accept {LINES}"
            )
        return service.predict(engine, rows, context)

    call = _read_frame(engine, body, kind, max_records)
    if call:
        predicted = predict(call.rows, named=accepted == JSON)
        if accepted == JSON:
            return Response(mlflow.encoded(predicted, call), mimetype=JSON)
        return _written([(_whole(call.rows), predicted)], accepted, call.method)
    method = _method(engine)
    if kind in {CSV, LINES}:
        has_names, reader = invocation_formats.reader(engine.schema, body, kind)
        if is_batch:
            streams.check(reader, service, may_fail=True)  # before anything is predicted
            _, again = invocation_formats.reader(engine.schema, body, kind)
            return _written(_batches(again, context, predict), accepted, method)
        rows = instances.joined(instances.read_batches(reader, max_records))
        if has_names and accepted == JSON:
            call = Call(rows, method, reader.unused)
            return Response(mlflow.encoded(predict(rows, named=True), call), mimetype=JSON)
    else:
        rows = invocation_formats.read_whole(engine.schema, body, kind, max_records)
    return _written([(_whole(rows), predict(rows))], accepted, method)


def _read_frame(engine: Engine, body: bytes, kind: str, max_records: int) -> Call | None:
    """Read what is MLflow's as well, Parquet or a JSON object; None if it is neither.

    Raises
    ------
    NotJSON, NotATable, BadRequest, TooManyRecords, InvalidRecords
    """
    if kind == PARQUET:
        call = frames.read_table(engine, kind, body, max_records)
        return call._replace(method=_method(engine))
    if kind == JSON and first_character(body) != b"[":
        return frames.read(engine, body, max_records)
    return None


def _batches(
    reader: Reader, context: RequestContext, predict: Callable[[Rows, RequestContext], Predicted]
) -> Iterator[Piece]:
    """Predict a text batch by batch, so that any number of records takes the memory of few."""

    def predict_one(batch: Batch, *, is_all: bool) -> Predicted:
        return predict(batch.rows, streams.of_batch(context, batch, is_all=is_all))

    for batch, is_last in streams.each_batch(reader):
        is_all = is_last and not batch.first
        yield predict_batch(batch, partial(predict_one, is_all=is_all))


def _whole(rows: Rows) -> Batch:
    return Batch(0, range(len(rows.matrix)), rows, {})


def _method(engine: Engine) -> str:
    """Return the method that the caller's attributes choose: `predict_method=…` among them."""
    attributes = request.headers.get(ATTRIBUTES, "").replace(";", ",").split(",")
    chosen = dict(each.strip().partition("=")[::2] for each in attributes)
    return values.require_method(chosen.get(values.METHOD, "predict"), engine.manifest)


def _written(pieces: Iterable[Piece], accepted: str, method: str) -> Response:
    """Write a value or a placeholder for each record, with the ids of the first in a header."""
    ids: list[str] = []

    def noted() -> Iterator[Piece]:
        for batch, predicted in pieces:
            ids.extend(predicted.ids[: MAX_IDS - len(ids)] if predicted else ())
            yield batch, predicted

    content = invocation_formats.write(noted(), accepted, method)
    response = Response(content, content_type=accepted)
    response.headers[IDS] = ",".join(ids)
    return response
