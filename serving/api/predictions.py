"""What was asked, answered and learnt later: one prediction, or a model's, page by page."""

import csv
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from serving.api.query import cursor, moment, page_size, shown, whole
from serving.api.respond import as_json
from serving.formats.spreadsheet import shown_as_text
from serving.predicting.service import Service
from serving.recording.store.rows import Prediction

COLUMNS = {"id", "time", "version", "prediction", "low", "high", "actual"}  # of every list
TAKEN = {"since", "until", "version", "label", "limit", "after", "pretty"}


def blueprint(service: Service) -> Blueprint:
    """Routes that look predictions up."""
    routes = Blueprint("predictions", __name__)

    @routes.get("/predictions/<prediction_id>")
    def prediction(prediction_id: str) -> Response:
        found, learnt = service.recall(prediction_id)
        feedback = [
            {"actual": said.actual, "time": shown(said.time), "request_id": said.request_id}
            for said in learnt
        ]
        actual = learnt[0].actual if learnt else None
        return as_json({**_told(found), "actual": actual, "feedback": feedback})

    @routes.get("/models/<name>/predictions")
    def predictions(name: str) -> Response:
        service.registry.manifest(name)
        asked, limit = selection(), page_size()
        found = service.store.predictions(name, limit=limit, **asked)
        headers = {}
        if len(found) == limit:
            query = request.args.to_dict() | {"after": f"{found[-1].time}~{found[-1].id}"}
            headers["Link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'
        if request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv":
            answer = Response(_csv(found), mimetype="text/csv")
        else:
            answer = as_json({"predictions": [_told(each) for each in found]})
        answer.headers.extend(headers)
        return answer

    return routes


def _told(found: Prediction) -> dict[str, Any]:
    told = {name: getattr(found, name) for name in found.__struct_fields__}
    return {name: value for name, value in told.items() if value is not None} | {
        "time": shown(found.time),
        "actual": found.actual,
    }


def _csv(found: list[Prediction]) -> str:
    """One row a prediction, the record's fields as columns; opened in a spreadsheet by people."""
    rows = list(map(flat, found))
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(map(shown_as_text, columns))
    writer.writerows([shown_as_text(row.get(name)) for name in columns] for row in rows)
    return "\ufeff" + text.getvalue()  # without the mark, spreadsheets take UTF-8 for another code


def flat(found: Prediction) -> dict[str, Any]:
    """A prediction as one row of a table."""

    def parts(name: str) -> Iterator[tuple[str, Any]]:
        if value := getattr(found, name):
            yield from msgspec.json.decode(value).items()

    return {
        "id": found.id,
        "time": shown(found.time),
        "version": found.version,
        **{
            f"{name} (field)" if name in COLUMNS else name: value for name, value in parts("record")
        },
        "prediction": msgspec.json.decode(found.prediction),
        **{f"P({label})": value for label, value in parts("probabilities")},
        **dict(parts("interval")),
        "actual": msgspec.json.decode(found.actual) if found.actual else "",
    }


def selection() -> dict[str, Any]:
    """Which predictions the query asks for, as `Store.predictions` takes it.

    Raises
    ------
    BadRequest
    """
    if unknown := sorted(request.args.keys() - TAKEN):
        raise BadRequest(f"{unknown[0]!r} is not taken; {', '.join(sorted(TAKEN))} are")
    return {
        "label": request.args.get("label"),
        "since": moment("since"),
        "until": moment("until"),
        "version": whole("version", 1, 2**31 - 1),
        "after": cursor("after"),
    }
