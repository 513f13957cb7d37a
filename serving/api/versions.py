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


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be decided; a shadow without a version ends the trial."""

    action: Literal["promote", "rollback", "shadow", "retire"]
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
        asked = _asked()
        match asked:
            case Asked("promote", int(version)):
                taken = versions.promote(name, version, asked.why, force=asked.force)
            case Asked("rollback", None):
                taken = versions.rollback(name, asked.why)
            case Asked("shadow", version):
                taken = versions.shadow(name, version, asked.why)
            case Asked("retire", int(version)):
                taken = versions.retire(name, version, asked.why)
            case _:
                wants = "no version" if asked.action == "rollback" else "a version"
                raise BadRequest(f"{asked.action} takes {wants}")
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


def _asked() -> Asked:
    try:
        return msgspec.json.decode(read_json(), type=Asked)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            f'{error}; send {{"action": "promote", "version": 2, "why": "…"}}'
        ) from None


def _told(decision: Decision) -> dict[str, object]:
    return {**msgspec.to_builtins(decision), "time": shown(decision.time)}
