"""Ground truth for earlier predictions."""

from flask import Blueprint, Response

from serving.api import request_id
from serving.api.native import read_json
from serving.api.respond import as_json
from serving.service import Service


def blueprint(service: Service, max_records: int) -> Blueprint:
    """The route that takes feedback."""
    routes = Blueprint("feedback", __name__)

    @routes.post("/feedback")
    def feedback() -> Response:
        return as_json({"recorded": service.learn(read_json(), max_records, request_id.asked())})

    return routes
