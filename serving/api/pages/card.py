"""A model's card: what it predicts, its performance, its data and its limits."""

import msgspec
from flask import Blueprint, Response, make_response, render_template, request, url_for

from serving.api.around.access import caller
from serving.api.declared import declares
from serving.api.openapi.operation import operation, response
from serving.api.openapi.structs import text
from serving.api.pages.card_charts import charts, rates
from serving.api.pages.card_effects import dependence
from serving.api.pages.html import wants_json
from serving.api.pages.words import Words, words
from serving.api.respond import as_json
from serving.inputs.field import FLOAT32_MAX, Field
from serving.models import artefact
from serving.models.card import Card
from serving.predicting.service import Service
from serving.versions.versions import Versions


class ModelCard(Card, frozen=True, kw_only=True, omit_defaults=True):
    """Curves, importance and what else a card is drawn from; a page for a browser."""

    name: str
    version: int


JSON_OR_PAGE = response(ModelCard)
JSON_OR_PAGE["content"]["text/html"] = {"schema": text()}


def blueprint(service: Service) -> Blueprint:
    """Routes of the cards, as a page or as JSON."""
    routes = Blueprint("card", __name__)
    registry, decisions = service.registry, service.registry.decisions
    folder = decisions.models_dir

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
        history = decisions.history(name) if caller().may("read", name) else []
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
            possible=lambda field: _possible(field, of_reader),
            versions=Versions(decisions, "").listed(name),
            decisions=history,
            json_url=url_for("models.model", name=name, version=version),
        )
        return make_response(page)

    return routes


def _possible(field: Field, words: Words) -> str:
    """The values that a field accepts."""
    if field.type == "category":
        return ", ".join(field.categories)
    if field.type == "boolean":
        return words.t("yes or no")
    if field.type in {"date", "text"}:
        return words.t("a date") if field.type == "date" else words.t("any text")
    low = words.number(field.minimum, 6) if field.minimum > -FLOAT32_MAX else ""
    high = words.number(field.maximum, 6) if field.maximum < FLOAT32_MAX else ""
    if low and high:
        return words.between(low, high)
    return f"≥ {low}" if low else f"≤ {high}" if high else words.t("any number")
