"""The monitor's pages: all models, one model in full, and the predictions behind it."""

import json
import re
import shlex
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from serving import clock
from serving.api.around.access import caller, curl
from serving.api.declared import declares
from serving.api.monitor import DEFAULT_DAYS, MAX_DAYS
from serving.api.pages import monitor_charts, monitored
from serving.api.pages.html import STATIC
from serving.api.pages.listed import canonical_query, listed
from serving.api.pages.monitored import History, State, most_drifted_first
from serving.api.pages.shown import Figures
from serving.api.pages.words import words
from serving.api.query import whole
from serving.monitor.findings import MIN_MEASURED
from serving.monitor.report import Report
from serving.predicting.service import Service
from serving.settings import Settings
from serving.trainings.requests import keeps_data

SILENT = 3  # intervals without a check, after which the pages show a notice
# What a saved page contains; a script comes after those that it imports.
STYLES, LIBRARY = ("style.css", "monitor.css"), ("chart.umd.js",)
SCRIPTS = ("words.js", "times.js", "charts.js")
IMPORTS = re.compile(r"^import .*?;\n|^export ", re.MULTILINE)


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes under /monitor."""
    routes = Blueprint("dashboard", __name__, url_prefix="/monitor")
    registry, patience = service.registry, SILENT * settings.monitor_interval * 1000

    @routes.get("")
    @declares(None, scope="read", shows_allowed=True)
    def models() -> Response:
        sees = caller().sees
        states = [
            each for each in monitored.states(service, clock.now() - patience) if sees(each.name)
        ]
        broken = {
            name: why
            for name, why in registry.broken.items()
            if name not in registry.live and sees(name)
        }
        recorded = service.journal is not None
        return _page("monitor.html", states=states, broken=broken, recorded=recorded)

    @routes.get("/<name>")
    @declares(None, scope="read")
    def model(name: str) -> Response:
        return _page("monitor_model.html", saved=False, **found(name))

    @routes.get("/<name>/report.html")
    @declares(None, scope="read")
    def saved(name: str) -> Response:
        response = _page("monitor_model.html", saved=True, **_inlined(), **found(name))
        day = clock.iso(clock.now())[: len("2026-11-21")]
        response.headers.set("Content-Disposition", "attachment", filename=f"{name}-{day}.html")
        return response

    @routes.get("/<name>/predictions")
    @declares(None, scope="read")
    def predictions(name: str) -> AnyResponse:
        given: dict[str, Any] = canonical_query(service, name)
        if given != request.args.to_dict(flat=False):  # of the form
            return redirect(url_for("dashboard.predictions", name=name, **given))
        return _page("monitor_predictions.html", **listed(service, name, given))

    def found(name: str) -> dict[str, Any]:
        """The variables of the template monitor_model.html."""
        now, days = clock.now(), whole("days", 1, MAX_DAYS) or DEFAULT_DAYS
        state, fig = monitored.selected(service, name, now - patience), _figures()
        about = {
            "state": state,
            "days": days,
            "window": _window(state),
            "starts": state.verdict in {"no check yet", "not enough yet"},
            "window_days": settings.monitor_days,
            "interval": settings.monitor_interval,
            "feedback": _feedback(state),
            "may_check": caller().may("feedback", name),
            "retrains": _retrains(state) if caller().may("admin", name) else None,
            "days_chart": monitor_charts.of_days(monitored.of_days(service, name), fig),
        }
        if state.report:
            history = monitored.history(service, name, now - days * clock.DAY)
            about |= _of_report(state, state.report, history, fig)
        return about

    return routes


def _retrains(state: State) -> bool:
    return state.manifest is not None and keeps_data(state.manifest)


def _page(template: str, **about: Any) -> Response:
    response = make_response(render_template(template, fig=_figures(), **about))
    response.headers["Cache-Control"] = "no-store"
    return response


def _figures() -> Figures:
    return Figures(*words(request))


def _window(state: State) -> dict[str, Any]:
    """The query that lists the predictions in the window of the check."""
    query: dict[str, Any] = {"version": state.version}
    window = state.report.window if state.report else None
    if window and window.since is not None and window.until is not None:
        query |= {"since": clock.iso(window.since), "until": clock.iso(window.until + 1)}
    return query


def _of_report(state: State, report: Report, history: History, fig: Figures) -> dict[str, Any]:
    fields, outputs = report.drift.fields, report.drift.predictions
    metrics = monitored.metric_rows(report, state.manifest)
    return {
        "fields": most_drifted_first([*fields, *outputs]),
        "drifted": sum(each.verdict == "drift" for each in fields),
        "level": next((test.level for each in fields for test in each.findings), None),
        "distributions": {
            each.field: monitor_charts.distribution(each, fig) for each in report.distributions
        },
        "metrics": metrics,
        "min_measured": MIN_MEASURED,
        "charts": [*monitor_charts.over_time(report, metrics, history, fig)],
    }


def _feedback(state: State) -> str:
    """The command that sends feedback to a prediction."""
    classes = state.manifest.classes if state.manifest else ()
    body = {"id": f"{state.name}.{state.version}.…", "actual": classes[0] if classes else 5.5}
    sent = shlex.quote(json.dumps(body, ensure_ascii=False))
    return f"{curl()} -d {sent} {request.url_root}feedback"


def _inlined() -> dict[str, Any]:
    """The styles and scripts of a saved page, without imports."""
    styles, library, scripts = (
        "\n".join(STATIC[file].decode() for file in files) for files in (STYLES, LIBRARY, SCRIPTS)
    )
    return {
        "styles": Markup(styles),  # noqa: S704 - ours
        "library": Markup(library),  # noqa: S704 - ours
        "script": Markup(IMPORTS.sub("", scripts)),  # noqa: S704 - ours
    }
