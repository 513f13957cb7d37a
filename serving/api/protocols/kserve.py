"""KServe V1 and TensorFlow Serving's REST API, whose paths and bodies are the same where it counts.

`inputs` as columns by field, which is TensorFlow's, is answered with `outputs`; all else with
`predictions`. CloudEvents, in binary and in structured form, are answered with one.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET, Raw, UnsetType
from werkzeug.exceptions import BadRequest
from werkzeug.routing import BaseConverter

from serving.api import explanations
from serving.api.around.access import caller
from serving.api.body import read_json
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, body, response
from serving.api.openapi.structs import listed, record, ref
from serving.api.protocols import cloud_events, instances, refusals, values
from serving.api.protocols.refusals import described
from serving.api.respond import as_json, encode
from serving.errors import UnknownVersion
from serving.inputs.schema import Rows
from serving.inputs.strict_json import JSONObject
from serving.models.engine import Engine
from serving.models.manifest import Manifest
from serving.predicting.service import RequestContext, Service
from serving.settings import Settings
from serving.versions.registry import Registry

PREDICT = "/v1/models/<name>:predict"
LIVE, TRIAL = "stable", "canary"
DEFAULT_SIGNATURE = "serving_default"
METADATA = response({"type": "object"}, "As TensorFlow Serving describes a model.")
LABEL = {
    "name": "label",
    "in": "path",
    "required": True,
    "description": f"`{LIVE}`: the live version; `{TRIAL}`: the one on trial.",
    "schema": {"enum": [LIVE, TRIAL]},
    "example": LIVE,
}


class Names(msgspec.Struct):
    """The names of all models that are served."""

    models: list[str]


class VersionError(msgspec.Struct):
    """That a version has no error."""

    error_code: str = "OK"
    error_message: str = ""


class VersionStatus(msgspec.Struct):
    """A version that can predict."""

    version: str
    state: str
    status: VersionError


class ModelStatus(msgspec.Struct):
    """A model that can predict: `ready` is KServe's member, the versions TensorFlow Serving's."""

    name: str
    ready: bool
    model_version_status: list[VersionStatus]


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
    _describe(routes, service.registry)
    _predict(routes, service, settings.max_records)
    return routes


def _describe(routes: Blueprint, registry: Registry) -> None:
    """Add the routes that report which models can predict, and what they take."""

    @routes.get("")
    @declares(described("Every model that is served", Names), scope="any", shows_allowed=True)
    def v1_models() -> Response:
        return as_json(Names([*filter(caller().sees, registry.live)]))

    @routes.get("/<name>/versions/<int:version>")
    @routes.get("/<unverbed:name>", defaults={"version": None})
    @declares(described("Whether a model can predict", ModelStatus), scope="any")
    def v1_model(name: str, version: int | None) -> Response:
        trial = registry.trials.get(name) if version is None else None
        engines = [registry.engine(name, version)]
        engines += [registry.engine(name, trial)] if trial else []
        return as_json(_status(name, [each.manifest.version for each in engines]))

    @routes.get("/<name>/labels/<unverbed:label>")
    @declares(
        described("Whether the version with a label can predict", ModelStatus, parameters=[LABEL]),
        scope="any",
    )
    def v1_labelled_model(name: str, label: str) -> Response:
        return as_json(_status(name, [_labelled(registry, name, label).manifest.version]))

    @routes.get("/<name>/versions/<int:version>/metadata")
    @routes.get("/<name>/metadata", defaults={"version": None})
    @declares(described("The fields and outputs of a model", METADATA), scope="any")
    def v1_metadata(name: str, version: int | None) -> Response:
        return as_json(_metadata(registry.engine(name, version).manifest))


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
        return _predicted(_labelled(registry, name, label))

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


def _labelled(registry: Registry, name: str, label: str) -> Engine:
    """Return the version of a model that a label stands for."""
    live = registry.engine(name)
    if label == LIVE:
        return live
    version = registry.trials.get(name)
    if label != TRIAL or version is None:
        has = f"{LIVE} and {TRIAL}" if version else LIVE
        raise UnknownVersion(f"{name} has no version with the label {label!r}; it has {has}")
    return registry.engine(name, version)


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


def _status(name: str, versions: Sequence[int]) -> ModelStatus:
    states = [VersionStatus(str(each), "AVAILABLE", VersionError()) for each in versions]
    return ModelStatus(name, ready=True, model_version_status=states)


def _metadata(manifest: Manifest) -> dict[str, Any]:
    """Describe a model as TensorFlow Serving does."""
    texts = {"category", "date", "text"}
    any_number = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}

    def tensor(name: str, dtype: str) -> dict[str, Any]:
        return {"name": name, "dtype": dtype, "tensor_shape": any_number}

    signature = {
        "inputs": {
            each.name: tensor(each.name, "DT_STRING" if each.type in texts else "DT_DOUBLE")
            for each in manifest.fields
        },
        "outputs": {
            manifest.target: tensor(
                manifest.target, "DT_STRING" if manifest.classes else "DT_DOUBLE"
            )
        },
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {
            "name": manifest.name,
            "signature_name": "",
            "version": str(manifest.version),
        },
        "metadata": {"signature_def": {"signature_def": {DEFAULT_SIGNATURE: signature}}},
    }
