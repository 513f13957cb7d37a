"""The page at /: choose a model, fill its form, predict."""

from typing import Any

import msgspec
from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    render_template,
    request,
    url_for,
)

from serving.api.around.access import caller
from serving.api.declared import declares
from serving.api.pages.html import wants_json
from serving.api.pages.predicted import gives_feedback, of_version, recorded_at
from serving.api.respond import as_json
from serving.errors import ArtefactError
from serving.inputs import dates
from serving.inputs.field import Field
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.predicting.service import Service

ROWS_AT_ONCE = 1000  # of a CSV, in one request: some 30 ms of a worker's time


def blueprint(service: Service, max_records: int) -> Blueprint:
    """Routes with a page for a browser, and JSON for curl."""
    routes = Blueprint("pages", __name__)
    registry = service.registry
    folder = registry.decisions.models_dir

    @routes.get("/")
    @declares(None, scope="any", shows_allowed=True)
    def home() -> Response:
        if wants_json(request.accept_mimetypes):
            seen = caller().sees(registry.default)
            default = registry.default if seen else None
            # KServe's client reads the status, to know whether the service lives.
            return as_json({"status": "alive", "default": default, "links": _links()})
        manifest = registry.manifest(_chosen())
        for_scripts = _for_scripts(manifest)
        page = render_template(
            "home.html",
            model=manifest,
            models=_served(),
            examples=artefact.read_card(folder, manifest).examples,
            card_url=url_for("card.card", name=manifest.name),
            for_scripts=for_scripts,
            decimals=for_scripts["decimals"],
            gives_feedback=gives_feedback(service, manifest.name),
            moment=lambda field: _moment(field, manifest.example.get(field.name)),
        )
        return make_response(page)

    def _chosen() -> str:
        """The model that the page is for; without one, the first that the caller may see."""
        allowed = filter(caller().sees, [registry.default, *registry.live])
        chosen = request.args.get("model") or next(allowed, registry.default)
        caller().require("any", chosen)
        return chosen

    def _for_scripts(manifest: Manifest) -> dict[str, Any]:
        """What the page's scripts need of a model."""
        return of_version(folder, manifest) | {
            "name": manifest.name,
            "version": manifest.version,
            "fields": msgspec.to_builtins(manifest.fields),
            "sheet": url_for("sheet.sheet"),
            "predict": url_for("native.predict", name=manifest.name),
            "recorded": recorded_at(service, manifest.name),
            "what_if": url_for("what_if.what_if", name=manifest.name),
            "is_keyed": bool(caller().name),
            "rows_at_once": min(ROWS_AT_ONCE, max_records),
        }

    def _served() -> list[Manifest]:
        """The models that can be chosen; GET /models reports what is wrong with the others."""
        served = []
        for name in filter(caller().sees, registry.live):
            try:
                served.append(registry.manifest(name))
            except ArtefactError:
                continue
        return served

    return routes


def _links() -> list[str]:
    """Where every route of a GET is that needs no parameter."""
    rules = current_app.url_map.iter_rules()
    paths = {each.rule for each in rules if "GET" in (each.methods or ()) and "<" not in each.rule}
    return [request.script_root + path for path in sorted(paths)]


def _moment(field: Field, example: str | None) -> tuple[str, str]:
    """The type of a date's input, with a time if any was in training, and its value."""
    read = dates.parse(example, field.format or dates.ISO) if example else None
    days = [read, *(field.seen or ())]
    texts = [dates.to_iso(each).removesuffix("Z") for each in days if each is not None]
    has_time = any("T" in text for text in texts)
    value = texts[0] if example else ""
    if has_time and value and "T" not in value:
        value += "T00:00"
    return ("datetime-local" if has_time else "date"), value
