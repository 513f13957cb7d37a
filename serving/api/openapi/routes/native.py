"""Predictions: of the records that are sent, and of a model's example."""

import csv
import io
import json
from typing import Any

from serving.api.openapi.operation import About, Operation, as_json, body, one_or_many, operation
from serving.api.openapi.structs import listed, mapped, record, ref, text, whole
from serving.api.streams import UNUSED
from serving.formats import READERS, WRITERS

STREAMS = """

CSV and JSON Lines are read and answered in streams, as many records as there are. Of many records,
in any format, `?faults=inline` tells what is wrong with one in its place, and answers the others.
`Accept` chooses the format of the answer."""


def predict(about: About) -> Operation:
    """POST a record, or many."""
    answer = as_json(
        "One prediction, or many where many records were sent.",
        {"oneOf": [ref(about.of_model("Prediction")), ref(about.of_model("Predictions"))]},
        **({"example": about.answered} if about.is_default else {}),
    )
    answer["headers"] = {UNUSED: {"description": "Columns not used.", "schema": text()}}
    sent = body(
        one_or_many(ref(about.of_model("Record")), about.max_records),
        {**about.examples, "many records": [*about.examples.values()]},
    )
    for each in READERS:
        sent["content"][each] = {
            "schema": text(),
            "example": _written(each, about.manifest.example),
        }
    for each in WRITERS:
        answer["content"].setdefault(each, {"schema": text()})
    described = operation(
        f"Predict {about.manifest.target}",
        {200: answer},
        (400, 404, 408, 413, 415, 503),
        description=f"{about.manifest.title}. A body without a Content-Type, or with the one that "
        f"curl gives it, is read as JSON too.{STREAMS}",
        requestBody=sent,
    )
    refused = f"#/components/responses/{about.of_model('Refused')}"
    described["responses"]["422"] = {"$ref": refused}
    return described


def usage(_: About) -> Operation:
    """GET how to ask."""
    told = record(
        usage=text(),
        model=text(),
        version=whole(),
        fields=listed(text()),
        example={"type": "object"},
        curl=mapped(text()),
        card=text("Where the model is described."),
    )
    return operation("How to ask", {200: as_json("What to send.", told)}, (404, 503))


def example(about: About) -> Operation:
    """GET a record that works, and its prediction."""
    told = "The prediction, and the record as `input`."
    return operation(
        "A record that works, with its prediction",
        {200: as_json(told, ref(about.of_model("Example")))},
        (404, 503),
        description="Nobody asked about that record: it is neither recorded nor counted, so the "
        "prediction has no id.",
    )


def _written(mimetype: str, example: dict[str, Any]) -> str:
    """A record in one of the formats that are read in streams."""
    if "json" in mimetype:
        return json.dumps(example, ensure_ascii=False) + "\n"
    table = io.StringIO()
    delimiter = "," if mimetype == "text/csv" else "\t"
    csv.writer(table, delimiter=delimiter, lineterminator="\n").writerows(
        [example.keys(), example.values()]
    )
    return table.getvalue()


OPERATIONS = {
    "POST /predict": predict,
    "GET /predict": usage,
    "GET /example": example,
    "POST /models/{name}/predict": predict,
    "GET /models/{name}/predict": usage,
    "GET /models/{name}/example": example,
    "POST /models/{name}/versions/{version}/predict": predict,
    "GET /models/{name}/versions/{version}/predict": usage,
    "GET /models/{name}/versions/{version}/example": example,
}
