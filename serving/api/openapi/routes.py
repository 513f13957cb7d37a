"""The API's document: /openapi.json for tools, /docs for people."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request

from serving import clock, ids
from serving.api.openapi.document import document
from serving.api.openapi.operation import About
from serving.api.pages.html import POLICY
from serving.api.protocols import native
from serving.api.respond import as_json
from serving.errors import ArtefactError, StoreError
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.predicting.service import Service

STYLED = f"{POLICY}; style-src 'self' 'unsafe-inline'"  # Swagger UI writes style attributes


def blueprint(service: Service, max_records: int) -> Blueprint:
    """Routes that describe the others."""
    routes = Blueprint("openapi", __name__)
    made = Made(service, max_records)

    @routes.get("/openapi.json")
    def described() -> Response:
        servers = [{"url": request.url_root.rstrip("/")}]
        return as_json({**made.document(), "servers": servers})

    @routes.get("/docs")
    def docs() -> Response:
        page = make_response(render_template("docs.html"))
        page.headers["Content-Security-Policy"] = STYLED
        return page

    return routes


class Made:
    """The document, made when it is asked for, and again after a swap."""

    def __init__(self, service: Service, max_records: int) -> None:
        self.service, self.max_records = service, max_records
        self._made: tuple[dict[str, int], dict[str, Any]] = {}, {}

    def document(self) -> dict[str, Any]:
        """The document for what is live now.

        Raises
        ------
        ArtefactError, InvalidRecords
            If the default model's example cannot be answered.
        """
        live = dict(self.service.registry.live)
        of, made = self._made
        if of != live:
            made = document(current_app, self._models())
            self._made = live, made
        return made

    def _models(self) -> list[About]:
        """Each that is live, the default one first; GET /models tells of those that are broken."""
        registry, answered = self.service.registry, self._answered()
        found = []
        for name in sorted(registry.live, key=lambda name: name != registry.default):
            with suppress(ArtefactError):
                manifest = registry.manifest(name)
                found.append(About(manifest, self._examples(manifest), answered, self.max_records))
        return found

    def _examples(self, manifest: Manifest) -> dict[str, dict[str, Any]]:
        found = {"one record": manifest.example}
        with suppress(ArtefactError):  # a card that cannot be read leaves the model's own example
            card = artefact.read_card(self.service.registry.decisions.models_dir, manifest)
            found |= {f"one answered {each.prediction}": each.record for each in card.examples}
        return found

    def _answered(self) -> dict[str, Any]:
        """The prediction for the example, which is not recorded, under an id to look up.

        The id is that of the latest prediction in the store. Before there is one, it is made up.
        """
        engine = self.service.registry.engine()
        manifest = engine.manifest
        latest = []
        with suppress(StoreError):
            latest = self.service.store.predictions(manifest.name, limit=1)
        known = [each.id for each in latest]
        (named,) = known or ids.make(manifest.name, manifest.version, clock.now(), 1)
        return {"id": named, **native.predicted_example(self.service, engine)}
