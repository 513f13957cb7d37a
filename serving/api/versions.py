"""The versions of a model: listed, and decided on by those who have a key for it."""

from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from serving import clock
from serving.api.around.access import who
from serving.api.body import read_json
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, body, operation, response
from serving.api.openapi.structs import text
from serving.api.pages.html import wants_json
from serving.api.pages.version_page import versions_page
from serving.api.query import Time
from serving.api.respond import as_json
from serving.errors import VersionRefused
from serving.predicting.service import Service
from serving.recording.store.rows import Trial
from serving.versions.decision import Decision as RecordedDecision
from serving.versions.decision import decisions_of
from serving.versions.version_list import Version, list_versions
from serving.versions.versions import Versions


class _Request(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="action"
):
    """What is to be decided.

    Attributes
    ----------
    why : str
        Kept with the decision.
    decided : int or None
        As the list has it, to be refused if somebody has decided since.
    """

    why: str = ""
    decided: int | None = None


class Promote(_Request, frozen=True, tag="promote", kw_only=True):
    """Put a version live.

    Attributes
    ----------
    force : bool
        Overrule the gate; this is recorded.
    """

    version: int
    force: bool = False


class Rollback(_Request, frozen=True, tag="rollback"):
    """Put the version live again that was live before."""

    version: None = None


class SetTrial(_Request, frozen=True, tag="trial"):
    """Try a version on live traffic; without a version, end the trial."""

    version: int | None = None


class Retire(_Request, frozen=True, tag="retire", kw_only=True):
    """Serve a version no more, not even to those who name it; null: the whole model.

    A version that is put live, or a rollback, ends the retirement of a model.
    """

    version: int | None


Request = Promote | Rollback | SetTrial | Retire
DECODER: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)


class Decision(RecordedDecision, frozen=True, kw_only=True):
    """Who decided what, when and why."""

    time: Time  # type: ignore[assignment] # sent as text, kept as a number


class ModelVersions(msgspec.Struct):
    """Versions, the trial if there is one, and decisions.

    Attributes
    ----------
    versions, decisions : list
        The latest first.
    broken : str or None
        Why a version is not served.
    decided : int
        How many decisions there are, without those that tell how a version was made.
    """

    versions: list[Version]
    broken: str | None
    trial: Trial | None
    decisions: list[Decision]
    decided: int


JSON_OR_PAGE = response(ModelVersions)
JSON_OR_PAGE["content"]["text/html"] = {"schema": text()}


class Objections(msgspec.Struct):
    """What the gate objects to a version in place of the live one.

    Attributes
    ----------
    live : int or None
        None if the model is retired.
    can_be_forced : bool
        Whether `force` overrules the objections; not those of a version that cannot serve.
    """

    version: int
    live: int | None
    objections: list[str]
    can_be_forced: bool


def decide_operation(about: About) -> Operation:
    """POST a decision."""
    version = about.manifest.version
    return operation(
        "Put a version live, try one, retire one",
        Decision,
        (400, 404, 408, 409, 415, 503),
        description="A trial is a version that predicts live traffic beside the live one, without "
        "answering it; no version, or null, ends the trial. To retire null retires the whole "
        "model, which is served no more until a version is put live; the default model cannot be.",
        requestBody=body(
            {"oneOf": [Promote, Rollback, SetTrial, Retire]},
            {
                "put live": {"action": "promote", "version": version, "why": "better on reds"},
                "try": {"action": "trial", "version": version + 1},
                "end the trial": {"action": "trial"},
                "go back": {"action": "rollback", "why": "worse on whites"},
                "retire": {"action": "retire", "version": version + 1},
            },
        ),
    )


def blueprint(service: Service) -> Blueprint:
    """Routes under /models/NAME/versions."""
    routes = Blueprint("versions", __name__)
    decisions = service.registry.decisions

    @routes.get("/models/<name>/versions")
    @declares(operation("Versions and decisions", JSON_OR_PAGE, (400, 404, 503)), scope="read")
    def versions(name: str) -> Response:
        if not wants_json(request.accept_mimetypes):
            return versions_page(service, name)
        listed, history = list_versions(decisions, name), decisions.history(name)
        return as_json(
            ModelVersions(
                listed,
                service.registry.broken.get(name),
                service.trial(name),
                [*map(_as_sent, history)],
                len(decisions_of(history)),
            )
        )

    @routes.get("/models/<name>/versions/<int:version>/objections")
    @declares(
        operation(
            "What the gate objects to a version",
            Objections,
            (404, 503),
            description="It loads the version and predicts its example, which may take seconds.",
        ),
        scope="admin",
    )
    def objections(name: str, version: int) -> Response:
        try:
            found, can_be_forced = Versions(decisions, "").objections(name, version), True
        except VersionRefused as error:
            found, can_be_forced = error.objections, error.can_be_forced
        live = decisions.decided(name).live
        return as_json(Objections(version, live, [*found], can_be_forced))

    @routes.post("/models/<name>/versions")
    @declares(decide_operation, scope="admin")
    def decide(name: str) -> Response:
        sent = _request()
        versions = Versions(decisions, who(), sent.decided)
        match sent:
            case Promote() as wanted:
                taken = versions.promote(name, wanted.version, wanted.why, force=wanted.force)
            case Rollback() as wanted:
                taken = versions.rollback(name, wanted.why)
            case SetTrial() as wanted:
                taken = versions.set_trial(name, wanted.version, wanted.why)
            case Retire() as wanted:
                taken = versions.retire(name, wanted.version, wanted.why)
        service.registry.refresh()
        return as_json(_as_sent(taken))

    return routes


def _request() -> Request:
    try:
        return DECODER.decode(read_json())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(
            f'{error}; send {{"action": "promote", "version": 2, "why": "…"}}'
        ) from None


def _as_sent(decision: RecordedDecision) -> Decision:
    kept: dict[str, Any] = msgspec.structs.asdict(decision)
    return Decision(**kept | {"time": clock.iso(decision.time)})
