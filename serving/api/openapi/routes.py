"""The API's document: /openapi.json for tools, /docs for people."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request

from serving import clock, ids
from serving.access.callers import Caller
from serving.api.around.access import caller
from serving.api.declared import declares
from serving.api.openapi.document import make_document
from serving.api.openapi.operation import About
from serving.api.pages.html import POLICY
from serving.api.protocols import native
from serving.api.respond import as_json
from serving.errors import ArtefactError, StoreError, UnknownModel
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.predicting.service import Service

STYLED = f"{POLICY}; style-src 'self' 'unsafe-inline'"  # Swagger UI writes style attributes


def blueprint(service: Service, max_records: int, everybody: Caller) -> Blueprint:
    """Routes of the document, and of the page that shows it."""
    routes = Blueprint("openapi", __name__)
    document = Document(service, max_records, everybody)

    @routes.get("/openapi.json")
    @declares(None, scope="any", shows_allowed=True)
    def described() -> Response:
        servers = [{"url": request.url_root.rstrip("/")}]
        return as_json({**document.current(caller()), "servers": servers})

    @routes.get("/docs")
    @declares(None, scope="any", shows_allowed=True)
    def docs() -> Response:
        page = make_response(render_template("docs.html"))
        page.headers["Content-Security-Policy"] = STYLED
        return page

    return routes


class Document:
    """Keeps the document until another version is live: one for each choice of models."""

    def __init__(self, service: Service, max_records: int, everybody: Caller) -> None:
        self.service, self.max_records, self.everybody = service, max_records, everybody
        self._live: dict[str, int] = {}
        self._documents: dict[frozenset[str] | None, dict[str, Any]] = {}

    def current(self, reader: Caller) -> dict[str, Any]:
        """Return the document for the versions that are live now, of models that a caller may see.

        Raises
        ------
        UnknownModel
            If the caller may see none that is live.
        ArtefactError, InvalidRecords
            If the default model cannot predict its own example.
        """
        live = dict(self.service.registry.live)
        if self._live != live:
            self._documents, self._live = {}, live
        if reader.models not in self._documents:
            models = self._models(reader)
            self._documents[reader.models] = make_document(
                current_app, models, self.everybody, self.service.registry.default
            )
        return self._documents[reader.models]

    def _models(self, reader: Caller) -> list[About]:
        """Each model that is live, the default one first, except those that are broken."""
        registry = self.service.registry
        seen = filter(reader.sees, registry.live)
        names = sorted(seen, key=lambda name: name != registry.default)
        predicted = self._predicted(names[0] if names else registry.default)
        found = []
        for name in names:
            with suppress(ArtefactError):
                manifest = registry.manifest(name)
                found.append(About(manifest, self._examples(manifest), predicted, self.max_records))
        if not found:
            raise UnknownModel("none of the models that the key is limited to is served")
        return found

    def _examples(self, manifest: Manifest) -> dict[str, dict[str, Any]]:
        found = {"one record": manifest.example}
        with suppress(ArtefactError):  # a card that cannot be read leaves the model's own example
            card = artefact.read_card(self.service.registry.decisions.models_dir, manifest)
            found |= {f"one predicted {each.prediction}": each.record for each in card.examples}
        return found

    def _predicted(self, name: str) -> dict[str, Any]:
        """A model's prediction for its example, which is not recorded, with an id.

        The id is that of the latest prediction in the store. Before there is one, it is made up.
        """
        engine = self.service.registry.engine(name)
        manifest = engine.manifest
        latest = []
        with suppress(StoreError):
            latest = self.service.store.predictions(manifest.name, limit=1)
        stored = [each.id for each in latest]
        (prediction_id,) = stored or ids.make(manifest.name, manifest.version, clock.now(), 1)
        return {"id": prediction_id, **native.predicted_example(self.service, engine)}
