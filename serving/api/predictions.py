"""What was asked, answered and learnt later: one prediction, or a model's, page by page."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from serving.api.respond import as_json
from serving.service import Service
from serving.stored import Cursor, Prediction

LIMIT, MOST = 100, 10_000
NUMBER = re.compile(r"[0-9]{1,15}")
TAKEN = {"since", "until", "version", "label", "limit", "after"}


def blueprint(service: Service) -> Blueprint:
    """Routes that look predictions up."""
    routes = Blueprint("predictions", __name__)

    @routes.get("/predictions/<prediction_id>")
    def prediction(prediction_id: str) -> Response:
        found, learnt = service.recall(prediction_id)
        feedback = [
            {"actual": said.actual, "time": _shown(said.time), "request_id": said.request_id}
            for said in learnt
        ]
        actual = learnt[0].actual if learnt else None
        return as_json({**_told(found), "actual": actual, "feedback": feedback})

    @routes.get("/models/<name>/predictions")
    def predictions(name: str) -> Response:
        engine = service.registry.engine(name)
        asked, limit = _asked(), _whole("limit", LIMIT, 1, MOST)
        found = service.store.predictions(engine.manifest.name, limit=limit, **asked)
        headers = {}
        if len(found) == limit:
            last = f"{found[-1].time}~{found[-1].id}"
            rest = request.args.to_dict() | {"after": last}
            headers["Link"] = f'<{f"{request.path}?{urlencode(rest)}"}>; rel="next"'
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
        "time": _shown(found.time),
        "actual": found.actual,
    }


def _csv(found: list[Prediction]) -> str:
    """One row a prediction, the record's fields as columns; opened in a spreadsheet by people."""
    rows = list(map(_flat, found))
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns))
    writer.writeheader()
    writer.writerows(rows)
    return "\ufeff" + text.getvalue()  # without the mark, spreadsheets take UTF-8 for another code


def _flat(found: Prediction) -> dict[str, Any]:
    def parts(name: str) -> Iterator[tuple[str, Any]]:
        if value := getattr(found, name):
            yield from msgspec.json.decode(value).items()

    return {
        "id": found.id,
        "time": _shown(found.time),
        "version": found.version,
        **dict(parts("record")),
        "prediction": msgspec.json.decode(found.prediction),
        **{f"P({label})": value for label, value in parts("probabilities")},
        **dict(parts("interval")),
        "actual": msgspec.json.decode(found.actual) if found.actual else "",
    }


def _asked() -> dict[str, Any]:
    if unknown := sorted(request.args.keys() - TAKEN):
        raise BadRequest(f"{unknown[0]!r} is not taken; {', '.join(sorted(TAKEN))} are")
    asked: dict[str, Any] = {"label": request.args.get("label")}
    for name in ("since", "until"):
        if text := request.args.get(name):
            asked[name] = _moment(name, text)
    if "version" in request.args:
        asked["version"] = _whole("version", 0, 1, 2**31)
    if after := request.args.get("after"):
        time, _, last = after.partition("~")
        if not (NUMBER.fullmatch(time) and last):
            raise BadRequest(f"after={after!r} is not what an earlier page's Link header named")
        asked["after"] = Cursor(int(time), last)
    return asked


def _whole(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not (NUMBER.fullmatch(text) and least <= int(text) <= most):
        raise BadRequest(f"{name}={text!r} is not a whole number from {least} to {most}")
    return int(text)


def _moment(name: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(
            f"{name}={text!r} is not a time such as 2026-11-21 or 2026-11-21T14:30:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def _shown(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
