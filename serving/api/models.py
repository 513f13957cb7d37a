"""The models that are served, and the description of one."""

from typing import Literal

import msgspec
from flask import Blueprint, Response, redirect, url_for
from werkzeug.wrappers import Response as BaseResponse

from serving.api.around.access import caller
from serving.api.declared import declares
from serving.api.openapi.operation import operation, response
from serving.api.openapi.structs import text
from serving.api.pages.html import wants_page
from serving.api.pages.model_index import index_page
from serving.api.respond import as_json
from serving.errors import ArtefactError
from serving.models.manifest import Description, Manifest
from serving.predicting.service import Service


class ModelSummary(msgspec.Struct):
    """A model that is served: its live version, and where it is described and predicts."""

    name: str
    version: int
    title: str
    task: Literal["classification", "regression"]
    classes: tuple[str, ...]
    card: str
    predict: str


class Models(msgspec.Struct):
    """The models that are served; /predict and /example use the default one.

    Attributes
    ----------
    broken : dict of str to str
        By model: why it, or a version, is not served.
    default : str or None
        None if the key is limited to other models.
    """

    default: str | None
    models: list[ModelSummary]
    broken: dict[str, str]


class Model(Description, frozen=True, kw_only=True):
    """A version of a model: its fields, metrics, data and example.

    Attributes
    ----------
    backend : str
        What predicts: the table of the forest, onnx, or the pickle itself.
    """

    backend: str


JSON_OR_PAGE = response(Models)
JSON_OR_PAGE["content"]["text/html"] = {"schema": text()}


def blueprint(service: Service) -> Blueprint:
    """Routes under /models that describe."""
    routes = Blueprint("models", __name__, url_prefix="/models")
    registry = service.registry

    @routes.get("")
    @declares(
        operation("Every model that is served", JSON_OR_PAGE), scope="any", shows_allowed=True
    )
    def models() -> Response:
        if wants_page():
            return index_page(service)
        served, broken = [], dict(registry.broken)
        for name in registry.live:
            try:
                served.append(_summary(registry.manifest(name)))
            except ArtefactError as error:
                broken[name] = str(error)
        sees = caller().sees
        return as_json(
            Models(
                registry.default if sees(registry.default) else None,
                [each for each in served if sees(each.name)],
                {name: why for name, why in broken.items() if sees(name)},
            )
        )

    @routes.get("/<name>/versions/<int:version>")
    @routes.get("/<name>", defaults={"version": None})
    @declares(operation("What this model is", Model, (404, 503)), scope="any")
    def model(name: str, version: int | None) -> BaseResponse:
        if wants_page():
            return redirect(url_for("card.card", name=name, version=version))
        engine = registry.engine(name, version)
        shown = {each: getattr(engine.manifest, each) for each in Description.__struct_fields__}
        return as_json(Model(**shown, backend=engine.backend))

    return routes


def _summary(manifest: Manifest) -> ModelSummary:
    return ModelSummary(
        manifest.name,
        manifest.version,
        manifest.title,
        manifest.task,
        manifest.classes,
        card=url_for("models.model", name=manifest.name),
        predict=url_for("native.predict", name=manifest.name),
    )
