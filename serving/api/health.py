"""Health: whether the process lives, and whether it can answer."""

import os.path
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Response

from serving import ids
from serving.api.query import shown
from serving.api.respond import as_json
from serving.predicting.service import Service
from serving.recording import collector

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
    return state | {"store": _store(journal.folder)}


def _store(folder: Path) -> dict[str, Any]:
    """How the journal is moved into the store: it may lag, and nothing is lost."""
    status = collector.status(folder)
    if status is None:
        there = os.path.lexists(folder / collector.STATUS)
        return {"state": "unreadable" if there else "not collected yet"}
    known = {
        "checked": shown(status.time),
        "waiting_bytes": status.waiting,
        "torn_lines": status.torn,
    }
    if ids.now() - status.time > LONGEST_SILENCE:
        return {"state": "not collected", **known}
    if status.reason:
        return {"state": "failing", "reason": status.public, **known}
    return {"state": "reached", **known}
