"""Health: whether the process lives, and whether it can answer."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from serving.api.respond import as_json
from serving.journal import Journal
from serving.service import Service


def blueprint(service: Service) -> Blueprint:
    """Routes under /health."""
    routes = Blueprint("health", __name__, url_prefix="/health")

    @routes.get("/live")
    def live() -> Response:
        return as_json({"status": "live"})

    @routes.get("/ready")
    def ready() -> Response:
        registry = service.registry
        live = {name: engine.manifest.version for name, engine in registry.engines.items()}
        recorded = not service.journal or service.journal.recovers()
        ready = recorded or not service.required
        state = {
            "status": "ready" if ready else "not ready",
            "models": live,
            "broken": registry.broken,
            "journal": _journal(service.journal),
        }
        return as_json(state, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    return routes


def _journal(journal: Journal | None) -> dict[str, Any]:
    if not journal:
        return {"state": "off"}
    if journal.reason:
        return {"state": "failing", "lost": journal.lost, "reason": journal.reason}
    return {"state": "recording", "lost": journal.lost}
