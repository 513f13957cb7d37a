"""The API's document: /openapi.json for tools, /docs for people."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request

from serving import clock, ids
from serving.api.openapi.document import make_document
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
    """Routes of the document, and of the page that shows it."""
    routes = Blueprint("openapi", __name__)
    document = Document(service, max_records)

    @routes.get("/openapi.json")
    def described() -> Response:
        servers = [{"url": request.url_root.rstrip("/")}]
        return as_json({**document.current(), "servers": servers})

    @routes.get("/docs")
    def docs() -> Response:
        page = make_response(render_template("docs.html"))
        page.headers["Content-Security-Policy"] = STYLED
        return page

    return routes


class Document:
    """Keeps the document until another version is live."""

    def __init__(self, service: Service, max_records: int) -> None:
        self.service, self.max_records = service, max_records
        self._live: dict[str, int] = {}
        self._document: dict[str, Any] = {}

    def current(self) -> dict[str, Any]:
        """Return the document for the versions that are live now.

        Raises
        ------
        ArtefactError, InvalidRecords
            If the default model cannot predict its own example.
        """
        live = dict(self.service.registry.live)
        if self._live != live:
            self._document = make_document(current_app, self._models())
            self._live = live
        return self._document

    def _models(self) -> list[About]:
        """Each model that is live, the default one first, except those that are broken."""
        registry, predicted = self.service.registry, self._predicted()
        found = []
        for name in sorted(registry.live, key=lambda name: name != registry.default):
            with suppress(ArtefactError):
                manifest = registry.manifest(name)
                found.append(About(manifest, self._examples(manifest), predicted, self.max_records))
        return found

    def _examples(self, manifest: Manifest) -> dict[str, dict[str, Any]]:
        found = {"one record": manifest.example}
        with suppress(ArtefactError):  # a card that cannot be read leaves the model's own example
            card = artefact.read_card(self.service.registry.decisions.models_dir, manifest)
            found |= {f"one predicted {each.prediction}": each.record for each in card.examples}
        return found

    def _predicted(self) -> dict[str, Any]:
        """The default model's prediction for its example, which is not recorded, with an id.

        The id is that of the latest prediction in the store. Before there is one, it is made up.
        """
        engine = self.service.registry.engine()
        manifest = engine.manifest
        latest = []
        with suppress(StoreError):
            latest = self.service.store.predictions(manifest.name, limit=1)
        stored = [each.id for each in latest]
        (prediction_id,) = stored or ids.make(manifest.name, manifest.version, clock.now(), 1)
        return {"id": prediction_id, **native.predicted_example(self.service, engine)}
