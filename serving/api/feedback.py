"""Ground truth for earlier predictions."""

from flask import Blueprint, Response

from serving.api.around import request_id
from serving.api.predict import read_json
from serving.api.query import page_size, shown
from serving.api.respond import as_json
from serving.predicting.service import Service


def blueprint(service: Service, max_records: int) -> Blueprint:
    """Routes that take feedback, and list what fits no prediction."""
    routes = Blueprint("feedback", __name__)

    @routes.post("/feedback")
    def feedback() -> Response:
        return as_json(service.add_feedback(read_json(), max_records, request_id.context()))

    @routes.get("/feedback/unmatched")
    def unmatched() -> Response:
        count, latest = service.unmatched(page_size())
        listed = [
            {
                "id": said.prediction_id,
                "actual": said.actual,
                "time": shown(said.time),
                "request_id": said.request_id,
            }
            for said in latest
        ]
        return as_json({"count": count, "feedback": listed})

    return routes
