"""KServe V1 and TensorFlow Serving's REST API, whose paths and bodies are the same where it counts.

`inputs` as columns by field, which is TensorFlow's, is answered with `outputs`; all else with
`predictions`. CloudEvents, in binary and in structured form, are answered with one.
"""

from typing import Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET, Raw, UnsetType
from werkzeug.exceptions import BadRequest
from werkzeug.routing import BaseConverter

from serving.api import explanations
from serving.api.body import read_json
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, body
from serving.api.openapi.structs import listed, record, ref
from serving.api.protocols import cloud_events, instances, model_status, refusals, values
from serving.api.protocols.model_status import DEFAULT_SIGNATURE, LABEL, labelled_engine
from serving.api.protocols.refusals import described
from serving.api.respond import encode
from serving.inputs.schema import Rows
from serving.inputs.strict_json import JSONObject
from serving.models.engine import Engine
from serving.models.manifest import Manifest
from serving.predicting.context import RequestContext
from serving.predicting.service import Service
from serving.settings import Settings

PREDICT = "/v1/models/<name>:predict"


class Sent(msgspec.Struct):
    """A body as most clients send it."""

    instances: Raw
    signature_name: str | None = None
    inputs: Raw | UnsetType = UNSET


class Unverbed(BaseConverter):
    """A part of a path that does not end in a verb, which belongs to another route."""

    regex = r"[^/]+(?<!:predict)(?<!:explain)"


decoder = msgspec.json.Decoder(Sent)


def predict_operation(about: About) -> Operation:
    """POST instances."""
    methods = values.methods(about.manifest)
    method = {"type": ["string", "null"], "enum": [DEFAULT_SIGNATURE, *methods, "", None]}
    sent = record(
        ("signature_name",),
        instances=listed(ref(about.of_model("Record"))),
        signature_name=method | {"description": "The method that predicts."},
    )
    return described(
        f"Predict {about.manifest.target} by KServe's V1 protocol",
        values.described(),
        description="TensorFlow Serving's REST API, too. An instance may also be a list of values "
        "in the order of the fields. `inputs` with a list for each field is answered with "
        "`outputs` in place of `predictions`.",
        requestBody=body(sent, {"instances": {"instances": [about.manifest.example]}}),
    )


def explain_operation(about: About) -> Operation:
    """POST instances, to be predicted and explained."""
    described = predict_operation(about)
    summary = f"Predict {about.manifest.target} by KServe's V1 protocol, with explanations"
    return described | {"summary": summary}


def labelled_operation(about: About) -> Operation:
    """POST instances to the version with a label."""
    return predict_operation(about) | {"parameters": [LABEL]}


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes under /v1/models."""
    routes = Blueprint("kserve", __name__, url_prefix="/v1/models")
    refusals.register(routes, below="/v1")
    routes.record(lambda state: state.app.url_map.converters.update(unverbed=Unverbed))
    model_status.add_routes(routes, service.registry)
    _predict(routes, service, settings.max_records)
    return routes


def _predict(routes: Blueprint, service: Service, max_records: int) -> None:
    """Add the routes that predict."""
    registry = service.registry

    @routes.post("/<name>/versions/<int:version>:predict")
    @routes.post("/<name>:predict", defaults={"version": None})
    @declares(predict_operation, scope="predict", predicts=True)
    def v1_predict(name: str, version: int | None) -> Response:
        return _predicted(registry.engine(name, version))

    @routes.post("/<name>/labels/<label>:predict")
    @declares(labelled_operation, scope="predict", predicts=True)
    def v1_labelled_predict(name: str, label: str) -> Response:
        return _predicted(labelled_engine(registry, name, label))

    @routes.post("/<name>/versions/<int:version>:explain")
    @routes.post("/<name>:explain", defaults={"version": None})
    @declares(explain_operation, scope="predict", predicts=True)
    def v1_explain(name: str, version: int | None) -> Response:
        return _predicted(registry.engine(name, version), always=True)

    def _predicted(engine: Engine, *, always: bool = False) -> Response:
        content, attributes = read_json(), cloud_events.attributes()
        if request.mimetype == cloud_events.STRUCTURED:
            attributes, content = cloud_events.opened(content)
        event_id = attributes.get("id", "")
        context = explanations.context(always=always).with_own_id(event_id)
        predicted = predict(service, engine, content, max_records, context)
        if not attributes:
            return Response(predicted, mimetype="application/json")
        return cloud_events.event(engine.manifest.name, event_id or context.request_id, predicted)


def predict(
    service: Service, engine: Engine, body: bytes, max_records: int, context: RequestContext
) -> bytes:
    """From the JSON of a body to that of the response."""
    rows, method, member = _read(engine, body, max_records)
    predicted = service.predict(engine, rows, context)
    return encode({member: values.outputs(predicted, method), **values.about(predicted)})


PLAIN = {PREDICT: predict}


def _read(engine: Engine, body: bytes, max_records: int) -> tuple[Rows, str, str]:
    """Return rows, the method that predicts them, and what the response calls its values."""
    try:
        sent = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # such as NaN, or no instances
    else:
        method = _method(sent.signature_name, engine.manifest)
        rows = instances.read_plain(engine.schema, bytes(sent.instances), max_records)
        if rows and sent.inputs is UNSET:
            return rows, method, "predictions"
    parsed = instances.read_object(body)
    given = [name for name in ("instances", "inputs") if name in parsed]
    if len(given) != 1:
        raise BadRequest(
            "the body needs either `instances` or `inputs`; it has "
            + ("both" if given else "neither")
        )
    method = _method(parsed.get("signature_name"), engine.manifest)
    rows = instances.read_instances(engine.schema, parsed[given[0]], max_records)
    is_columns = given == ["inputs"] and isinstance(parsed["inputs"], JSONObject)
    return rows, method, "outputs" if is_columns else "predictions"


def _method(signature: Any, manifest: Manifest) -> str:
    named = signature if signature not in (None, "", DEFAULT_SIGNATURE) else "predict"
    return values.require_method(named, manifest)
