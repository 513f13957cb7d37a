"""What is served: every model, and the card of one."""

from typing import Any

import msgspec
from flask import Blueprint, Response, url_for

from serving.api.respond import as_json
from serving.errors import ArtefactError
from serving.models.engine import Engine
from serving.models.manifest import Manifest
from serving.predicting.service import Service


def blueprint(service: Service) -> Blueprint:
    """Routes under /models that describe."""
    routes = Blueprint("models", __name__, url_prefix="/models")
    registry = service.registry

    @routes.get("")
    def models() -> Response:
        served, broken = [], dict(registry.broken)
        for name in registry.live:
            try:
                served.append(_summary(registry.manifest(name)))
            except ArtefactError as error:
                broken[name] = str(error)
        return as_json({"default": registry.default, "models": served, "broken": broken})

    @routes.get("/<name>", defaults={"version": None})
    @routes.get("/<name>/versions/<int:version>")
    def model(name: str, version: int | None) -> Response:
        return as_json(_card(registry.engine(name, version)))

    return routes


def _summary(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": manifest.version,
        "title": manifest.title,
        "task": manifest.task,
        "classes": manifest.classes,
        "card": url_for("models.model", name=manifest.name),
        "predict": url_for("native.predict", name=manifest.name),
    }


def _card(engine: Engine) -> dict[str, Any]:
    """The manifest, without what only matters on disk, and what serves it."""
    card: dict[str, Any] = msgspec.to_builtins(engine.manifest)
    del card["files"]
    return {**card, "backend": engine.backend}
