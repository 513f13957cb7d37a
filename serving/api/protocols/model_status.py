"""Which models can predict, and what they take, as KServe V1 and TensorFlow Serving report it.

The two have the same path for a status, so the response has the members of both.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response

from serving.api.around.access import caller
from serving.api.declared import declares
from serving.api.openapi.operation import response
from serving.api.protocols.refusals import described
from serving.api.respond import as_json
from serving.errors import UnknownVersion
from serving.models.engine import Engine
from serving.models.manifest import Manifest
from serving.versions.registry import Registry

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


def add_routes(routes: Blueprint, registry: Registry) -> None:
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
        return as_json(_status(name, [labelled_engine(registry, name, label).manifest.version]))

    @routes.get("/<name>/versions/<int:version>/metadata")
    @routes.get("/<name>/metadata", defaults={"version": None})
    @declares(described("The fields and outputs of a model", METADATA), scope="any")
    def v1_metadata(name: str, version: int | None) -> Response:
        return as_json(_metadata(registry.engine(name, version).manifest))


def labelled_engine(registry: Registry, name: str, label: str) -> Engine:
    """Return the version of a model that a label stands for.

    Raises
    ------
    UnknownModel, UnknownVersion
    """
    live = registry.engine(name)
    if label == LIVE:
        return live
    version = registry.trials.get(name)
    if label != TRIAL or version is None:
        has = f"{LIVE} and {TRIAL}" if version else LIVE
        raise UnknownVersion(f"{name} has no version with the label {label!r}; it has {has}")
    return registry.engine(name, version)


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
