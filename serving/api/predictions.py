"""Recorded predictions with their feedback: one by its id, or a model's, page by page."""

from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request, url_for
from msgspec import UNSET, Meta, Raw, UnsetType
from msgspec.structs import asdict
from werkzeug.exceptions import BadRequest

from serving import clock
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, operation, query, response
from serving.api.openapi.records import id_pattern
from serving.api.openapi.structs import text, whole_number
from serving.api.pages.html import wants_json
from serving.api.pages.recorded import recorded_page
from serving.api.predictions_table import as_csv
from serving.api.query import LIMIT, Time, cursor, cursor_after, moment, own_id, page_size, whole
from serving.api.respond import Object, as_json, encode
from serving.ids import OWN_ID_OF_ONE
from serving.inputs.schema import Remark
from serving.predicting.lookup import find
from serving.predicting.service import Service
from serving.recording.store.rows import Feedback, Prediction

PARAMETERS = {"since", "until", "version", "label", "own_id", "limit", "after", "pretty"}
MAX_VERSION = 2**31 - 1
MOMENT = {"anyOf": [{"type": "string", "format": each} for each in ("date-time", "date")]}


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
    """Recorded predictions, the latest first."""

    predictions: list[RecordedPrediction]


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
    cursor = text(pattern=f"^[0-9]{{1,15}}~{id_pattern(about.manifest)}$")
    return operation(
        "Recorded predictions with their feedback",
        page,
        (400, 404, 503),
        description="As JSON, or as CSV for a spreadsheet where `Accept: text/csv` asks for it.",
        parameters=[
            query("label", text(), "Only those with this prediction."),
            query(
                "own_id",
                text(pattern=f"^{OWN_ID_OF_ONE.pattern}$"),
                "Only those with this own id.",
            )
            | {"example": "order-17"},
            query("since", MOMENT, "Only from then on; a time without a zone is in UTC."),
            query("until", MOMENT, "Only until then."),
            query(
                "version",
                whole_number(minimum=1, maximum=MAX_VERSION),
                "Only those of one version.",
            ),
            LIMIT,
            query("after", cursor, "The last of the page before, from its Link header."),
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
        service.registry.manifest(name)
        filters, limit = selection(), page_size()
        found = service.store.predictions(name, limit=limit, **filters)
        if request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv":
            page = Response(as_csv(found), mimetype="text/csv")
        else:
            listed = [RecordedPrediction(**_kept(each)) for each in found]
            page = as_json(RecordedPredictions(listed))
        if len(found) == limit:
            query: dict[str, Any] = request.args.to_dict() | {"after": cursor_after(found[-1])}
            following = url_for("predictions.predictions", name=name, **query)
            page.headers["Link"] = f'<{following}>; rel="next"'
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


def selection() -> dict[str, Any]:
    """Which predictions the query asks for, as `Store.predictions` takes it.

    Raises
    ------
    BadRequest
    """
    if unknown := sorted(request.args.keys() - PARAMETERS):
        listed = ", ".join(sorted(PARAMETERS))
        raise BadRequest(f"there is no parameter {unknown[0]!r}; there are {listed}")
    return {
        "label": request.args.get("label"),
        "own_id": own_id("own_id"),
        "since": moment("since"),
        "until": moment("until"),
        "version": whole("version", 1, MAX_VERSION),
        "after": cursor("after"),
    }
