"""All that is recorded about a person, to be handed out."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET, Meta, Raw, UnsetType

from serving import clock
from serving.api.declared import declares
from serving.api.openapi.operation import operation
from serving.api.openapi.structs import text
from serving.api.predictions import PredictionWithFeedback, with_feedback
from serving.api.query import Time
from serving.api.respond import encode
from serving.predicting.export import Exported, export
from serving.predicting.service import Service
from serving.recording.privacy import SUBJECT_PATTERN
from serving.recording.store.subjects import TrialPrediction


class ExportedTrial(msgspec.Struct):
    """What a version on trial predicted for the same record."""

    version: int
    time: Time
    prediction: Annotated[Raw, Meta(extra_json_schema={"type": ["string", "number"]})]
    probabilities: dict[str, float] | UnsetType = UNSET


class ExportedPrediction(PredictionWithFeedback, kw_only=True):
    """A prediction as it was recorded, with all its feedback and its trials."""

    trials: list[ExportedTrial]


class AboutSubject(msgspec.Struct):
    """All that is recorded about a person, the oldest first."""

    subject: str
    predictions: list[ExportedPrediction]


def blueprint(service: Service) -> Blueprint:
    """Routes about a person."""
    routes = Blueprint("subjects", __name__)
    key = {
        "name": "subject",
        "in": "path",
        "required": True,
        "description": "The key of a person, as it was sent as `X-Subject`.",
        "schema": text(pattern=f"^{SUBJECT_PATTERN}$"),
        "example": "customer-17",
    }

    @routes.get("/subjects/<subject>")
    @declares(
        operation("All about a person", AboutSubject, (400, 503), parameters=[key]), scope="read"
    )
    def export_subject(subject: str) -> Response:
        keys = service.privacy.subjects(subject)
        found = export(service.journal, service.store, service.archive, keys)
        begun = [*islice(found, 1)]  # so that an error of the store is one of the response
        return Response(_pieces(subject, chain(begun, found)), mimetype="application/json")

    return routes


def _pieces(subject: str, found: Iterator[Exported]) -> Iterator[bytes]:
    """The JSON of an `AboutSubject`, as it is read from the store."""
    yield b'{"subject":' + encode(subject) + b',"predictions":['
    for number, each in enumerate(found):
        trials = [*map(_as_sent, each.trials)]
        content = with_feedback(each.prediction, each.feedback) | {"trials": trials}
        yield b"," * bool(number) + encode(ExportedPrediction(**content))
    yield b"]}"


def _as_sent(trial: TrialPrediction) -> ExportedTrial:
    probabilities: Any = UNSET if trial.probabilities is None else trial.probabilities
    return ExportedTrial(trial.version, clock.iso(trial.time), trial.prediction, probabilities)
