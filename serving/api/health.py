"""Health: whether the process lives, and whether it can answer."""

from flask import Blueprint, Response

from serving.api.respond import as_json
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
        return as_json({"status": "ready", "models": live, "broken": registry.broken})

    return routes
