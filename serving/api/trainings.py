"""Trainings: a file is sent, its columns are looked at, a model is trained, the result is read."""

from functools import partial
from pathlib import Path
from typing import IO, TypeVar

import msgspec
from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from serving.api.around.access import who
from serving.api.body import read_json
from serving.api.declared import declares
from serving.api.openapi.operation import (
    About,
    Operation,
    body,
    operation,
    query,
    response,
    with_status,
)
from serving.api.openapi.structs import text
from serving.api.pages.html import wants_page
from serving.api.pages.train_pages import training_page
from serving.api.respond import as_json
from serving.predicting.service import Service
from serving.settings import Settings
from serving.trainings import requests
from serving.trainings.actions import after
from serving.trainings.files import LOG
from serving.trainings.requests import Action, CancelTraining, ReadFile, StartTraining, TrainAgain
from serving.trainings.training import TYPES, Training
from serving.trainings.trainings import Trainings
from serving.trainings.worker import Starter, TrainingWorker

PIECE = 2**16
ACTIONS: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)
AGAIN: msgspec.json.Decoder[TrainAgain] = msgspec.json.Decoder(TrainAgain)
Form = TypeVar("Form")
EXAMPLES = (
    '{"action": "start", "target": "price", "name": "homes"}, {"action": "read", "columns": '
    '{"rooms": {"type": "category"}}} or {"action": "cancel"}'
)
TRAINING_ID = {
    "name": "training_id",
    "in": "path",
    "required": True,
    "description": "As it was returned with the training.",
    "schema": text(pattern="^[0-9a-f]{12}$"),
    "example": "0123456789ab",
}
JSON_OR_PAGE = response(Training)
JSON_OR_PAGE["content"]["text/html"] = {"schema": text()}
PROBLEMS = (400, 404, 408, 409, 415, 503)


class TrainingList(msgspec.Struct):
    """The trainings, the newest first, and what may be chosen for the next.

    Attributes
    ----------
    estimators : list of str
        `auto` chooses one by cross-validation.
    types : list of str
        How a column may be taken.
    max_bytes : int
        The largest file that is taken.
    """

    trainings: list[Training]
    estimators: list[str]
    types: list[str]
    worker: TrainingWorker
    max_bytes: int


def create_operation(about: About) -> Operation:
    """POST a file, or the name of a model."""
    again = body(TrainAgain, {"again": {"model": about.manifest.name, "with_feedback": True}})
    file = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
    csv = {"schema": text(), "example": "rooms,price\n3,250000\n4,310000\n"}
    again["content"] |= {"text/csv": csv, "application/octet-stream": file}
    described = operation(
        "Send a file to train on, or train a model again",
        Training,
        (400, 404, 408, 409, 413, 415, 503),
        description="The body is the file itself: CSV, or a workbook of Excel or LibreOffice, by "
        "its content. `Location` is the training, whose file is read next. As JSON without "
        "`file`: the model that is to be trained again, on its own data and the records that "
        "have feedback.",
        parameters=[query("file", text(), "The file's name; with it, any body is a file.")],
        requestBody=again,
    )
    location = {"headers": {"Location": {"description": "Where to look.", "schema": text()}}}
    return with_status(201, described, **location)


def blueprint(service: Service, settings: Settings, *, frozen: bool) -> Blueprint:
    """Routes of trainings."""
    routes = Blueprint("trainings", __name__, url_prefix="/trainings")
    kept = Trainings(settings.trainings_dir)
    worker = Starter(settings, frozen=frozen)
    registry = service.registry

    @routes.get("")
    @declares(operation("Trainings", TrainingList), scope="admin")
    def trainings() -> AnyResponse:
        if wants_page():
            return redirect(url_for("train.train"))
        return as_json(
            TrainingList(
                [each.training for each in kept.all()],
                requests.estimators(),
                [*TYPES],
                worker.state(),
                settings.max_stream_bytes,
            )
        )

    @routes.post("")
    @declares(create_operation, scope="admin", takes_files=True)
    def create_training() -> Response:
        if "file" not in request.args and request.mimetype == "application/json":
            again = _decoded(AGAIN, '{"model": "wine", "with_feedback": true}')
            created = kept.create(requests.again(again, registry.manifest(again.model), who()))
        else:
            request.max_content_length = settings.max_stream_bytes
            created = kept.create(requests.of_file(request.args.get("file"), who()), _receive)
        worker.start()
        sent = as_json(created, 201)
        sent.headers["Location"] = url_for("trainings.training", training_id=created.id)
        return sent

    @routes.get("/<training_id>")
    @declares(
        operation("A training", JSON_OR_PAGE, (404,), parameters=[TRAINING_ID]), scope="admin"
    )
    def training(training_id: str) -> Response:
        found = kept.get(training_id)
        worker.start()  # where one has ended before its time
        if wants_page():
            return training_page(service, found, worker)
        return as_json(found.training)

    @routes.post("/<training_id>")
    @declares(
        operation(
            "Read a file again, train, or cancel",
            Training,
            PROBLEMS,
            parameters=[TRAINING_ID],
            requestBody=body(
                {"oneOf": [ReadFile, StartTraining, CancelTraining]},
                {
                    "train": {"action": "start", "target": "price", "name": "homes"},
                    "read again": {"action": "read", "columns": {"rooms": {"type": "category"}}},
                    "cancel": {"action": "cancel"},
                },
            ),
        ),
        scope="admin",
    )
    def change_training(training_id: str) -> Response:
        changed = kept.change(training_id, partial(after, _action(), registry.live))
        worker.start()
        return as_json(changed.training)

    @routes.delete("/<training_id>")
    @declares(
        with_status(
            204,
            operation(
                "Delete a training with its file and log",
                {"description": "It is deleted; if it was running, it is stopped."},
                (404, 503),
                parameters=[TRAINING_ID],
            ),
        ),
        scope="admin",
    )
    def delete_training(training_id: str) -> Response:
        kept.delete(training_id)
        return Response(status=204)

    @routes.get("/<training_id>/log")
    @declares(
        operation(
            "The log of a training",
            {
                "description": "What the training has printed so far.",
                "content": {"text/plain": {"schema": text()}},
            },
            (404,),
            parameters=[TRAINING_ID],
        ),
        scope="admin",
    )
    def training_log(training_id: str) -> Response:
        kept.get(training_id)
        return Response(_log(kept.path(training_id)), mimetype="text/plain")

    return routes


def _log(folder: Path) -> bytes:
    try:
        return (folder / LOG).read_bytes()
    except FileNotFoundError:  # nothing has been printed yet
        return b""


def _receive(file: IO[bytes]) -> None:
    while piece := request.stream.read(PIECE):
        file.write(piece)
    if not file.tell():
        raise BadRequest("the file is empty: send the table as the body")


def _action() -> Action:
    return _decoded(ACTIONS, EXAMPLES)


def _decoded(decoder: "msgspec.json.Decoder[Form]", examples: str) -> Form:
    try:
        return decoder.decode(read_json())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"{error}; send {examples}") from None
