"""What was asked, answered and learnt later."""

from serving.api.openapi.operation import About, Operation, as_json, operation, query
from serving.api.openapi.records import id_pattern
from serving.api.openapi.structs import TIME, Schema, listed, record, ref, text, whole
from serving.api.query import MOST, USUAL

LIMIT = query("limit", whole(minimum=1, maximum=MOST, default=USUAL), "How many the list may hold.")
MOMENT = {"anyOf": [{"type": "string", "format": each} for each in ("date-time", "date")]}
ACTUAL = {"description": "What was really true, as was said last; null where nothing was."}


def prediction(about: About) -> Operation:
    """GET one prediction by its id."""
    said = record(actual={}, time=TIME, request_id=text())
    recorded = _recorded()
    recorded["properties"]["feedback"] = listed(said) | {"description": "The latest first."}
    recorded["required"].append("feedback")
    return operation(
        "One prediction, and what was learnt of it",
        {200: as_json("The prediction.", recorded)},
        (404, 503),
        parameters=[
            {
                "name": "prediction_id",
                "in": "path",
                "required": True,
                "description": "As it stood in the answer.",
                "schema": text(),
                "example": about.answered["id"],
            }
        ],
    )


def predictions(about: About) -> Operation:
    """GET a model's predictions, the latest first."""
    answer = as_json("The latest first.", record(predictions=listed(_recorded())))
    answer["content"]["text/csv"] = {
        "schema": text("A row for each, the record's fields as columns.")
    }
    answer["headers"] = {
        "Link": {"description": "Where the next page is, if there may be one.", "schema": text()}
    }
    return operation(
        "Earlier predictions",
        {200: answer},
        (400, 404, 503),
        description="As JSON, or as CSV for a spreadsheet where `Accept: text/csv` asks for it.",
        parameters=[
            query("label", text(), "Only those with this prediction."),
            query("since", MOMENT, "Only from then on; without a zone UTC is meant."),
            query("until", MOMENT, "Only until then."),
            query("version", whole(minimum=1, maximum=2**31 - 1), "Only those of one version."),
            LIMIT,
            query(
                "after",
                text(pattern=f"^[0-9]{{1,15}}~{id_pattern(about.manifest)}$"),
                "What the Link of the page before says.",
            ),
        ],
    )


def _recorded() -> Schema:
    return record(
        ("probabilities", "interval", "warnings"),
        id=text(),
        time=TIME,
        model=text(),
        version=whole(),
        request_id=text(),
        duration=whole("Microseconds; of the whole request where it asked for many."),
        record={"type": "object", "description": "Value by field, as far as it may be recorded."},
        prediction={"type": ["string", "number"]},
        probabilities={"type": "object", "additionalProperties": {"type": "number"}},
        interval=record(low={"type": "number"}, high={"type": "number"}),
        warnings=listed(ref("Remark")),
        actual=ACTUAL,
    )


OPERATIONS = {
    "GET /predictions/{prediction_id}": prediction,
    "GET /models/{name}/predictions": predictions,
}
