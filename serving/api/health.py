"""Health: whether the process lives, and whether it can answer."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response

from serving import collector, ids
from serving.api.query import shown
from serving.api.respond import as_json
from serving.service import Service

LONGEST_SILENCE = 10_000  # milliseconds in which a collector that runs is heard of


def blueprint(service: Service) -> Blueprint:
    """Routes under /health."""
    routes = Blueprint("health", __name__, url_prefix="/health")

    @routes.get("/live")
    def live() -> Response:
        return as_json({"status": "live"})

    @routes.get("/ready")
    def ready() -> Response:
        registry = service.registry
        recorded = not service.journal or service.journal.recovers()
        ready = recorded or not service.required
        state = {
            "status": "ready" if ready else "not ready",
            "models": dict(registry.live),
            "broken": registry.broken,
            "journal": _journal(service),
        }
        return as_json(state, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    return routes


def _journal(service: Service) -> dict[str, Any]:
    journal = service.journal
    if not journal:
        return {"state": "off"}
    state: dict[str, Any] = {"state": "recording", "lost": journal.lost}
    if journal.reason:
        state |= {"state": "failing", "reason": journal.reason}
    return state | {"store": _store(collector.status(journal.folder))}


def _store(status: collector.Status | None) -> dict[str, Any]:
    """How the journal is moved into the store: it may lag, and nothing is lost."""
    if status is None:
        return {"state": "not collected yet"}
    known = {
        "checked": shown(status.time),
        "waiting_bytes": status.waiting,
        "torn_lines": status.torn,
    }
    if ids.now() - status.time > LONGEST_SILENCE:
        return {"state": "not collected", **known}
    if status.reason:
        return {"state": "failing", "reason": status.reason, **known}
    return {"state": "reached", **known}
