"""The monitor's pages: every model at a glance, one in full, and the predictions behind it."""

import json
import re
import shlex
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from serving import clock
from serving.api.around import errors
from serving.api.monitor import DEFAULT_DAYS, MAX_DAYS
from serving.api.pages import monitored, plots
from serving.api.pages.html import STATIC
from serving.api.pages.listed import listed
from serving.api.pages.monitored import Passes, State, most_changed_first
from serving.api.pages.shown import Figures
from serving.api.pages.words import words
from serving.api.query import whole
from serving.errors import ServingError, StoreError
from serving.monitor.report import Report
from serving.predicting.service import Service
from serving.settings import Settings

SILENT = 3  # intervals without a pass, after which people are told
# What a page saved as one file is made with, in the order in which the scripts need each other.
STYLES, LIBRARY = ("style.css", "monitor.css"), ("chart.umd.js",)
SCRIPTS = ("words.js", "monitor.js")
IMPORTS = re.compile(r"^import .*?;\n|^export ", re.MULTILINE)


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes under /monitor."""
    routes = Blueprint("dashboard", __name__, url_prefix="/monitor")
    registry, patience = service.registry, SILENT * settings.monitor_interval * 1000

    @routes.get("")
    def models() -> Response:
        states = monitored.states(service, clock.now() - patience)
        broken = {name: why for name, why in registry.broken.items() if name not in registry.live}
        recorded = service.journal is not None
        return _page("monitor.html", states=states, broken=broken, recorded=recorded)

    @routes.get("/<name>")
    def model(name: str) -> Response:
        return _page("monitor_model.html", saved=False, **found(name))

    @routes.get("/<name>/report.html")
    def saved(name: str) -> Response:
        answer = _page("monitor_model.html", saved=True, **_inlined(), **found(name))
        day = clock.iso(clock.now())[: len("2026-11-21")]
        answer.headers.set("Content-Disposition", "attachment", filename=f"{name}-{day}.html")
        return answer

    @routes.get("/<name>/predictions")
    def predictions(name: str) -> AnyResponse:
        given: dict[str, Any] = {key: value for key, value in request.args.items() if value}
        if len(given) < len(request.args):  # a form sends what is left empty, too
            return redirect(url_for("dashboard.predictions", name=name, **given))
        return _page("monitor_predictions.html", **listed(service, name, given))

    def found(name: str) -> dict[str, Any]:
        """What the page of one model is made from."""
        now, days = clock.now(), whole("days", 1, MAX_DAYS) or DEFAULT_DAYS
        state = monitored.asked(service, name, now - patience)
        passes = monitored.passes(service, name, now - days * clock.DAY)
        about = {"state": state, "passes": passes, "days": days, "window": _window(state)}
        if state.report:
            about |= _of_report(state, state.report, passes, Figures(words(request)))
        return about

    @routes.errorhandler(ServingError)
    def failed(error: ServingError) -> Response:
        stored = isinstance(error, StoreError)
        reason = errors.told(error)
        return _page(
            "monitor_failed.html", errors.STATUS[type(error)], reason=reason, stored=stored
        )

    @routes.errorhandler(BadRequest)
    def misasked(error: BadRequest) -> Response:
        return _page("monitor_failed.html", HTTPStatus.BAD_REQUEST, reason=error.description)

    return routes


def _page(template: str, status: int = HTTPStatus.OK, **about: Any) -> Response:
    text = render_template(template, fig=Figures(words(request)), **about)
    answer = make_response(text, status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _window(state: State) -> dict[str, Any]:
    """The query that lists the predictions which the latest pass looked at."""
    query: dict[str, Any] = {"version": state.version}
    looked = state.report.window if state.report else None
    if looked and looked.since is not None and looked.until is not None:
        query |= {"since": clock.iso(looked.since), "until": clock.iso(looked.until + 1)}
    return query


def _of_report(state: State, report: Report, passes: Passes, fig: Figures) -> dict[str, Any]:
    fields, outputs = report.drift.fields, report.drift.predictions
    figures = monitored.figures(report, state.manifest)
    return {
        "fields": most_changed_first([*fields, *outputs]),
        "drifted": sum(each.verdict == "drift" for each in fields),
        "level": next((test.level for each in fields for test in each.findings), None),
        "shares": {each.field: plots.shares(each, fig) for each in report.distributions},
        "figures": figures,
        "lines": [*plots.over_time(report, figures, passes, fig)] if passes.times else [],
        "feedback": _feedback(state),
    }


def _feedback(state: State) -> str:
    """The command that tells what was true of a prediction."""
    classes = state.manifest.classes if state.manifest else ()
    said = {"id": f"{state.name}.{state.version}.…", "actual": classes[0] if classes else 5.5}
    return f"curl -d {shlex.quote(json.dumps(said, ensure_ascii=False))} {request.url_root}feedback"


def _inlined() -> dict[str, Any]:
    """Styles and scripts of a page that is one file: no imports, and all of it ours."""
    styles, library, scripts = (
        "\n".join(STATIC[file].decode() for file in files) for files in (STYLES, LIBRARY, SCRIPTS)
    )
    return {
        "styles": Markup(styles),  # noqa: S704 - ours
        "library": Markup(library),  # noqa: S704 - ours
        "script": Markup(IMPORTS.sub("", scripts)),  # noqa: S704 - ours
    }
