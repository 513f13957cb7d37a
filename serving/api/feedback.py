"""Feedback: what was really true of earlier predictions."""

from typing import Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET, Raw, UnsetType

from serving import clock
from serving.api import feedback_tables
from serving.api.around import request_id
from serving.api.body import read_json
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, body, one_or_many, operation
from serving.api.openapi.structs import ref
from serving.api.query import LIMIT, Time, page_size
from serving.api.respond import as_json
from serving.predicting.service import RecordedFeedback, Service
from serving.settings import Settings


class UnmatchedFeedback(msgspec.Struct):
    """Feedback under an id that no prediction is recorded under."""

    id: str
    actual: Raw
    time: Time
    request_id: str
    key: str | UnsetType = UNSET


class Unmatched(msgspec.Struct):
    """The latest feedback that fits no prediction, and the count of all of it."""

    count: int
    feedback: list[UnmatchedFeedback]


def feedback_operation(about: About) -> Operation:
    """POST what was really true."""
    one = {"id": about.predicted["id"], "actual": about.predicted["prediction"]}
    examples: dict[str, Any] = {"one": one, "many": [one]}
    return operation(
        "Record what was really true of earlier predictions",
        RecordedFeedback,
        (400, 404, 408, 413, 415, 422, 503),
        description="Of several for one prediction, the latest counts. In place of its id, "
        "`own_id` may name a prediction that was requested with `X-Own-ID`, or with the id that "
        "another protocol has. A table is taken as at `/feedback/table`.",
        requestBody=body(one_or_many(ref("Feedback"), about.max_records), examples),
    )


def blueprint(service: Service, settings: Settings) -> Blueprint:
    """Routes that record feedback, and list what fits no prediction."""
    routes = Blueprint("feedback", __name__)

    @routes.post("/feedback")
    @declares(feedback_operation, scope="feedback", shows_allowed=True)
    def feedback() -> Response:
        if request.mimetype in feedback_tables.MEDIA_TYPES:
            return feedback_tables.add_table(service, settings)
        records = read_json()
        return as_json(service.add_feedback(records, settings.max_records, request_id.context()))

    @routes.post("/feedback/table")
    @declares(feedback_tables.table_operation, scope="feedback", shows_allowed=True)
    def table() -> Response:
        return feedback_tables.add_table(service, settings)

    @routes.get("/feedback/unmatched")
    @declares(
        operation("Feedback that fits no prediction", Unmatched, (400, 503), parameters=[LIMIT]),
        scope="read",
    )
    def unmatched() -> Response:
        count, latest = service.unmatched(page_size())
        listed = [
            UnmatchedFeedback(
                each.prediction_id,
                each.actual,
                clock.iso(each.time),
                each.request_id,
                each.key or UNSET,
            )
            for each in latest
        ]
        return as_json(Unmatched(count, listed))

    return routes
