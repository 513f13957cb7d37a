"""A model's card: what it predicts, its performance, its data and its limits."""

import msgspec
from flask import Blueprint, Response, make_response, render_template, request

from serving.api.around.access import caller
from serving.api.declared import declares
from serving.api.openapi.operation import operation, response
from serving.api.openapi.structs import text
from serving.api.pages.card_charts import charts, rates
from serving.api.pages.card_effects import dependence
from serving.api.pages.html import wants_json
from serving.api.pages.words import words
from serving.api.respond import as_json
from serving.models import artefact
from serving.models.card import Card
from serving.predicting.service import Service


class ModelCard(Card, frozen=True, kw_only=True, omit_defaults=True):
    """Curves, importance and what else a card is drawn from; a page for a browser."""

    name: str
    version: int


JSON_OR_PAGE = response(ModelCard)
JSON_OR_PAGE["content"]["text/html"] = {"schema": text()}


def blueprint(service: Service) -> Blueprint:
    """Routes of the cards, as a page or as JSON."""
    routes = Blueprint("card", __name__)
    registry = service.registry
    folder = registry.decisions.models_dir

    @routes.get("/models/<name>/versions/<int:version>/card")
    @routes.get("/models/<name>/card", defaults={"version": None})
    @declares(
        operation("How well it does, on held-out rows", JSON_OR_PAGE, (404, 503)), scope="any"
    )
    def card(name: str, version: int | None) -> Response:
        manifest = registry.manifest(name, version)
        contents = artefact.read_card(folder, manifest)
        if wants_json(request.accept_mimetypes):
            kept = msgspec.structs.asdict(contents)
            return as_json(ModelCard(name=name, version=manifest.version, **kept))
        of_reader, reference = words(request), artefact.read_reference(folder, manifest)
        page = render_template(
            "card.html",
            model=manifest,
            example=artefact.pretty(manifest.example).decode(),
            card=contents,
            reference=reference,
            charts=charts(manifest, contents, reference, of_reader),
            dependence=dependence(manifest, contents, of_reader),
            rates=rates(manifest, contents),
            is_live=registry.live.get(name) == manifest.version,
            is_on_trial=registry.trials.get(name) == manifest.version,
            may_read=caller().may("read", name),
        )
        return make_response(page)

    return routes
