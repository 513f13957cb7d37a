"""The versions of a model: listed to all, decided on by those who have an admin key."""

from typing import Literal

import msgspec
from flask import Blueprint, Response, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import BadRequest, Forbidden, Unauthorized

from serving.access import Admins
from serving.api.predict import read_json
from serving.api.query import shown
from serving.api.respond import as_json
from serving.predicting.service import Service
from serving.versions.decisions import Decision
from serving.versions.versions import Versions


class DecisionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be decided; a trial without a version ends the trial."""

    action: Literal["promote", "rollback", "trial", "retire"]
    version: int | None = None
    why: str = ""
    force: bool = False


def blueprint(service: Service, admins: Admins) -> Blueprint:
    """Routes under /models/NAME/versions."""
    routes = Blueprint("versions", __name__)
    decisions = service.registry.decisions

    @routes.get("/models/<name>/versions")
    def versions(name: str) -> Response:
        listed = Versions(decisions, "").listed(name)
        told = {
            "versions": listed,
            "broken": service.registry.broken.get(name),
            "trial": service.trial(name),
            "decisions": [_told(decision) for decision in decisions.history(name)],
        }
        return as_json(told)

    @routes.post("/models/<name>/versions")
    def decide(name: str) -> Response:
        versions = Versions(decisions, _admin(admins))
        wanted = _decision_request()
        match wanted:
            case DecisionRequest("promote", int(version)):
                taken = versions.promote(name, version, wanted.why, force=wanted.force)
            case DecisionRequest("rollback", None):
                taken = versions.rollback(name, wanted.why)
            case DecisionRequest("trial", version):
                taken = versions.set_trial(name, version, wanted.why)
            case DecisionRequest("retire", int(version)):
                taken = versions.retire(name, version, wanted.why)
            case _:
                wants = "no version" if wanted.action == "rollback" else "a version"
                raise BadRequest(f"{wanted.action} takes {wants}")
        service.registry.refresh()
        return as_json(_told(taken))

    return routes


def _admin(admins: Admins) -> str:
    """The name of whoever asks."""
    if not admins:
        raise Forbidden("no ADMIN_KEYS are set, so nobody may decide over HTTP")
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    name = admins.name(key.strip()) if scheme.lower() == "bearer" else None
    if name is None:
        raise Unauthorized(
            "send one of ADMIN_KEYS as `Authorization: Bearer KEY`",
            www_authenticate=WWWAuthenticate("bearer"),
        )
    return name


def _decision_request() -> DecisionRequest:
    try:
        return msgspec.json.decode(read_json(), type=DecisionRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            f'{error}; send {{"action": "promote", "version": 2, "why": "…"}}'
        ) from None


def _told(decision: Decision) -> dict[str, object]:
    return {**msgspec.to_builtins(decision), "time": shown(decision.time)}
