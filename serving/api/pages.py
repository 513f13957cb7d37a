"""The pages that people meet: the form at /, and a model's card."""

from flask import Blueprint, Response, make_response, render_template, request

from serving.api.html import paths, wants_json
from serving.api.respond import as_json
from serving.errors import ArtefactError
from serving.manifest import Manifest
from serving.service import Service


def blueprint(service: Service) -> Blueprint:
    """Routes that answer a browser with a page, and curl with JSON."""
    routes = Blueprint("pages", __name__)
    registry = service.registry

    @routes.get("/")
    def home() -> Response:
        manifest = registry.manifest(request.args.get("model") or registry.default)
        if wants_json(request.accept_mimetypes):
            return as_json({"default": registry.default, "links": paths()})
        return make_response(render_template("home.html", model=manifest, models=_served()))

    def _served() -> list[Manifest]:
        """The models that can be chosen; what is wrong with others is in GET /models."""
        served = []
        for name in registry.live:
            try:
                served.append(registry.manifest(name))
            except ArtefactError:
                continue
        return served

    return routes
