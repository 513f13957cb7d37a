"""Recorded predictions with their feedback: one by its id, or a model's, page by page."""

from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET, Meta, Raw, UnsetType
from msgspec.structs import asdict
from werkzeug.exceptions import BadRequest

from serving import clock
from serving.api.declared import declares
from serving.api.filter_parameters import parameters
from serving.api.filters import ALL, selection
from serving.api.openapi.operation import About, Operation, operation, query, response
from serving.api.openapi.structs import text
from serving.api.pages.html import wants_json
from serving.api.pages.recorded import recorded_page
from serving.api.predictions_page import add_link, all_as_csv, page_of, wants_csv
from serving.api.predictions_table import as_csv
from serving.api.query import Time, page_size
from serving.api.respond import Object, as_json, encode
from serving.inputs.schema import Remark
from serving.predicting.lookup import find
from serving.predicting.service import Service
from serving.recording.store.rows import Feedback, Prediction

FORMAT = {"type": "string", "enum": ["json", "csv"]}


class RecordedInterval(msgspec.Struct):
    """Between which numbers the true one was predicted to lie."""

    low: float
    high: float


class RecordedPrediction(msgspec.Struct, kw_only=True):
    """A prediction as it was recorded.

    Attributes
    ----------
    duration : int
        Microseconds; of the whole request where it had many records.
    subject : str
        The person whom it is about, if the client sent `X-Subject`; hashed with `JOURNAL_SALT`.
    key : str
        The name of the key that was sent, if any.
    own_id : str
        The client's own id of it, if it sent one.
    record : dict
        Value by field, as far as it may be recorded.
    explanation : dict
        As it was sent, if it was requested; what fields that are not recorded contribute is in its
        `rest`.
    actual
        What was really true, by the latest feedback; null where there is none.
    """

    id: str
    time: Time
    model: str
    version: int
    request_id: str
    duration: int
    subject: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    own_id: str | UnsetType = UNSET
    record: Object
    prediction: Annotated[Raw, Meta(extra_json_schema={"type": ["string", "number"]})]
    probabilities: dict[str, float] | UnsetType = UNSET
    interval: RecordedInterval | UnsetType = UNSET
    warnings: list[Remark] | UnsetType = UNSET
    explanation: Object | UnsetType = UNSET
    actual: Raw | None


class PredictionFeedback(msgspec.Struct):
    """What was really true of a prediction, as it was sent."""

    actual: Raw
    time: Time
    request_id: str
    key: str | UnsetType = UNSET


class PredictionWithFeedback(RecordedPrediction, kw_only=True):
    """A prediction as it was recorded, with all its feedback, the latest first."""

    feedback: list[PredictionFeedback]


class RecordedPredictions(msgspec.Struct):
    """Recorded predictions, the latest first.

    Attributes
    ----------
    stopped_at : str
        Only if the search ended before the page was full, as it had looked at so many predictions:
        the time of the last one. The Link header goes on from there.
    """

    predictions: list[RecordedPrediction]
    stopped_at: Time | UnsetType = UNSET


def prediction_operation(about: About) -> Operation:
    """GET one prediction by its id."""
    prediction_id = {
        "name": "prediction_id",
        "in": "path",
        "required": True,
        "description": "As it was returned with the prediction.",
        "schema": text(),
        "example": about.predicted["id"],
    }
    page = response(PredictionWithFeedback)
    page["content"]["text/html"] = {"schema": text()}
    return operation(
        "One prediction with its feedback",
        page,
        (404, 503),
        parameters=[prediction_id],
    )


def predictions_operation(about: About) -> Operation:
    """GET a model's predictions, the latest first."""
    page = response(RecordedPredictions)
    page["content"]["text/csv"] = {
        "schema": text("A row for each, the record's fields as columns.")
    }
    link = {"description": "Where the next page is, if there may be one.", "schema": text()}
    page["headers"] = {"Link": link}
    listed = parameters(about.manifest)
    return operation(
        "Recorded predictions with their feedback",
        page,
        (400, 404, 503),
        description="As JSON, or as CSV for a spreadsheet where `format=csv` or "
        "`Accept: text/csv` asks for it. With `feedback`, `where` and what compares values, "
        "a page may end before it is full, as each request looks at so many predictions only; "
        "then `stopped_at` has the time that it came to, and the Link header goes on from there. "
        "Predictions in the archive are not listed.",
        parameters=[
            *listed,
            query(
                "format",
                {"type": "string", "enum": ["json", "csv"]},
                "In place of an Accept header, for links.",
            ),
        ],
    )


def blueprint(service: Service) -> Blueprint:
    """Routes that look predictions up."""
    routes = Blueprint("predictions", __name__)

    @routes.get("/predictions/<prediction_id>")
    @declares(prediction_operation, scope="read")
    def prediction(prediction_id: str) -> Response:
        found = PredictionWithFeedback(
            **with_feedback(*find(service.journal, service.store, prediction_id))
        )
        if wants_json(request.accept_mimetypes):
            return as_json(found)
        return recorded_page(service, msgspec.json.decode(encode(found)))

    @routes.get("/models/<name>/predictions")
    @declares(predictions_operation, scope="read")
    def predictions(name: str) -> Response:
        selected = selection(service, name)
        is_csv = wants_csv()
        if request.args.get("limit") == ALL:
            if not is_csv:
                raise BadRequest("limit='all' is for CSV; send format=csv, too, or a number")
            if selected.newer:
                raise BadRequest("newer='true' is for pages; with limit=all, leave it out")
            return all_as_csv(service, name, selected)
        found = page_of(service, name, selected, page_size())
        if is_csv:
            page = Response(as_csv(found.predictions), mimetype="text/csv")
        else:
            listed = [RecordedPrediction(**_kept(each)) for each in found.predictions]
            at = clock.iso(found.stopped.time) if found.stopped else UNSET
            page = as_json(RecordedPredictions(listed, at))
        add_link(page, name, "next", found.earlier)
        if selected.newer:
            add_link(page, name, "prev", found.later)
        return page

    return routes


def with_feedback(found: Prediction, feedback: list[Feedback]) -> dict[str, Any]:
    """The values of a prediction and all its feedback, the latest first, for the struct above."""
    sent = [
        PredictionFeedback(each.actual, clock.iso(each.time), each.request_id, each.key or UNSET)
        for each in feedback
    ]
    return _kept(found) | {"actual": feedback[0].actual if feedback else None, "feedback": sent}


def _kept(found: Prediction) -> dict[str, Any]:
    """The values of a stored prediction for the structs above."""
    kept = {name: UNSET if value is None else value for name, value in asdict(found).items()}
    return kept | {"time": clock.iso(found.time), "actual": found.actual}
