"""Erasures: what is recorded is erased on request, and an entry stays that it was."""

from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request, url_for
from msgspec import Meta
from werkzeug.exceptions import BadRequest

from serving import clock
from serving.api.around.access import who
from serving.api.body import read_json
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, body, operation, query, response
from serving.api.openapi.structs import text
from serving.api.query import LIMIT, Time, page_size
from serving.api.respond import as_json
from serving.errors import TooManyRecords, UnknownPrediction
from serving.ids import PredictionId
from serving.inputs.shown import shown
from serving.inputs.strict_json import parse
from serving.predicting.erasing import Erasing
from serving.recording.erasure import What
from serving.recording.privacy import SUBJECT_PATTERN
from serving.recording.store.erasures import Erasure as RecordedErasure


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class EraseIds(_Form, frozen=True):
    """Erase the predictions with some ids, and feedback under them."""

    ids: list[str]


class EraseSubject(_Form, frozen=True):
    """Erase all about a person, by the key that was sent as `X-Subject`."""

    subject: Annotated[str, Meta(extra_json_schema={"pattern": f"^{SUBJECT_PATTERN}$"})]


class EraseValue(_Form, frozen=True):
    """Erase the predictions of a model for records with a value in a field."""

    model: str
    field: str
    value: str | float | bool


Form = EraseIds | EraseSubject | EraseValue
FORMS: tuple[type[Form], ...] = (EraseIds, EraseSubject, EraseValue)
EXAMPLES = '{"ids": ["…"]}, {"subject": "…"} or {"model": "…", "field": "…", "value": "…"}'


class Erasure(RecordedErasure, frozen=True, kw_only=True):
    """That something is to be erased, or was, which is not what it was.

    Attributes
    ----------
    who : str
        The name of the key, or who ran the command.
    done : str
        None while something of it may be left.
    """

    time: Time  # type: ignore[assignment] # sent as text, kept as a number
    done: Time | None  # type: ignore[assignment]


class Erasures(msgspec.Struct):
    """Erasures, the latest first."""

    erasures: list[Erasure]


def _requested(summary: str, problems: tuple[int, ...], **parts: Any) -> Operation:
    described = operation(summary, Erasure, problems, **parts)
    accepted = described["responses"].pop("200")
    described["responses"]["202"] = accepted | {
        "description": "It will be erased in a moment; `Location` shows when it is done.",
        "headers": {"Location": {"description": "Where to look.", "schema": text()}},
    }
    return described


def erase_operation(about: About) -> Operation:
    """POST what is to be erased."""
    field = about.manifest.fields[0].name
    value = {"model": about.manifest.name, "field": field, "value": about.manifest.example[field]}
    return _requested(
        "Erase what is recorded",
        (400, 404, 408, 413, 415, 422, 503),
        description="By ids, by subject, or by the value of a field: predictions with their "
        "records, feedback and trials, to the last byte.",
        requestBody=body(
            {"oneOf": [*FORMS]},
            {
                "by ids": {"ids": [about.predicted["id"]]},
                "by subject": {"subject": "customer-17"},
                "by value": value,
            },
        ),
    )


def erase_one_operation(about: About) -> Operation:
    """DELETE one prediction."""
    prediction_id = {
        "name": "prediction_id",
        "in": "path",
        "required": True,
        "description": "As it was returned with the prediction.",
        "schema": text(),
        "example": about.predicted["id"],
    }
    return _requested(
        "Erase a prediction with its record, feedback and trials",
        (404, 503),
        parameters=[prediction_id],
    )


def blueprint(erasing: Erasing, max_ids: int) -> Blueprint:
    """Routes that erase, and list what was erased."""
    routes = Blueprint("erasures", __name__)

    def accept(what: What) -> Response:
        erasure = erasing.request(what, who())
        accepted = as_json(_as_sent(erasure), 202)
        accepted.headers["Location"] = url_for("erasures.erasures", id=erasure.id)
        return accepted

    @routes.delete("/predictions/<prediction_id>")
    @declares(erase_one_operation, scope="admin")
    def erase_one(prediction_id: str) -> Response:
        if not PredictionId.read(prediction_id):
            raise UnknownPrediction(f"{shown(prediction_id)} is not the id of a prediction")
        return accept(erasing.by_ids([prediction_id]))

    @routes.post("/erasures")
    @declares(erase_operation, scope="admin")
    def erase() -> Response:
        match _form():
            case EraseIds(ids):
                if len(ids) > max_ids:
                    raise TooManyRecords(f"{len(ids)} ids in one request; send at most {max_ids}")
                return accept(erasing.by_ids(ids))
            case EraseSubject(subject):
                return accept(erasing.by_subject(subject))
            case EraseValue(model, field, value):
                return accept(erasing.by_value(model, field, value))

    @routes.get("/erasures")
    @declares(
        operation(
            "What was erased, when and by whom",
            response(Erasures),
            (400, 503),
            parameters=[LIMIT, query("id", text(), "Only the one with this id.")],
        ),
        scope="read",
    )
    def erasures() -> Response:
        sent = request.args.get("id")
        limit = page_size()
        found = erasing.latest(limit) if sent is None else filter(None, [erasing.find(sent)])
        return as_json(Erasures([*map(_as_sent, found)]))

    return routes


def _form() -> Form:
    """Read the form of the body by the names that it has."""
    sent = read_json()
    try:
        names = msgspec.json.decode(sent, type=dict[str, msgspec.Raw]).keys()
        form = next((each for each in FORMS if names == {*each.__struct_fields__}), None)
        if form:
            for name in parse(sent).repeated:  # of two, only one would be erased
                raise BadRequest(f"the body has {name!r} twice; send one request for each")
            return msgspec.json.decode(sent, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"{error}; send {EXAMPLES}") from None
    raise BadRequest(f"the body does not name what to erase; send {EXAMPLES}")


def _as_sent(erasure: RecordedErasure) -> Erasure:
    kept: dict[str, Any] = msgspec.structs.asdict(erasure)
    done = None if erasure.done is None else clock.iso(erasure.done)
    return Erasure(**kept | {"time": clock.iso(erasure.time), "done": done})
