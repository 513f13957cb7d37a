"""A model's card: what it predicts, how well, from what, and where not to trust it."""

from typing import Any

import msgspec
from flask import Blueprint, Response, make_response, render_template, request, url_for

from serving import clock
from serving.api.declared import declares
from serving.api.openapi.operation import operation, response
from serving.api.openapi.structs import text
from serving.api.pages.charts import charts, two_by_two
from serving.api.pages.html import wants_json
from serving.api.pages.words import Words, words
from serving.api.respond import as_json
from serving.inputs.field import FLOAT32_MAX, Field
from serving.models import artefact
from serving.models.card import Card
from serving.models.manifest import Manifest
from serving.models.metrics import metric
from serving.predicting.service import Service
from serving.versions.versions import Versions


class ModelCard(Card, frozen=True, kw_only=True, omit_defaults=True):
    """Curves, importance and what else a card is drawn from; a page for a browser."""

    name: str
    version: int


JSON_OR_PAGE = response(ModelCard)
JSON_OR_PAGE["content"]["text/html"] = {"schema": text()}


def blueprint(service: Service) -> Blueprint:
    """Routes of the cards."""
    routes = Blueprint("card", __name__)
    registry, decisions = service.registry, service.registry.decisions
    folder = decisions.models_dir

    @routes.get("/models/<name>/versions/<int:version>/card")
    @routes.get("/models/<name>/card", defaults={"version": None})
    @declares(operation("How well it does, on held-out rows", JSON_OR_PAGE, (404, 503)))
    def card(name: str, version: int | None) -> Response:
        manifest = registry.manifest(name, version)
        drawn = artefact.read_card(folder, manifest)
        if wants_json(request.accept_mimetypes):
            kept = msgspec.structs.asdict(drawn)
            return as_json(ModelCard(name=name, version=manifest.version, **kept))
        spoken, reference = words(request), artefact.read_reference(folder, manifest)
        page = render_template(
            "card.html",
            model=manifest,
            example=artefact.pretty(manifest.example).decode(),
            card=drawn,
            reference=reference,
            charts=charts(manifest, drawn, reference, spoken),
            metrics=_metrics(manifest, spoken),
            decided=two_by_two(manifest, drawn),
            possible=lambda field: _possible(field, spoken),
            versions=Versions(decisions, "").listed(name),
            decisions=[
                {**msgspec.to_builtins(each), "time": clock.iso(each.time)[:16].replace("T", " ")}
                for each in decisions.history(name)
            ],
            json_url=url_for("models.model", name=name, version=version),
        )
        return make_response(page)

    return routes


def _metrics(manifest: Manifest, words: Words) -> list[dict[str, Any]]:
    """The rows of the table of figures."""
    better = {"lower": words.say("lower is better"), "higher": words.say("higher is better")}
    return [
        {
            "name": words.metric(name),
            "better": better[metric(name).better],
            "figure": figure,
        }
        for name, figure in manifest.metrics.items()
    ]


def _possible(field: Field, words: Words) -> str:
    """What may be sent for a field."""
    if field.type == "category":
        return ", ".join(field.categories)
    if field.type == "boolean":
        return words.say("yes or no")
    if field.type in {"date", "text"}:
        return words.say("a date") if field.type == "date" else words.say("any text")
    low = words.number(field.minimum, 6) if field.minimum > -FLOAT32_MAX else ""
    high = words.number(field.maximum, 6) if field.maximum < FLOAT32_MAX else ""
    if low and high:
        return words.between(low, high)
    return f"≥ {low}" if low else f"≤ {high}" if high else words.say("any number")
