"""The model repository extension: every version, and what is decided about them."""

from typing import Any, Literal

import msgspec
from flask import Blueprint, Response
from werkzeug.exceptions import BadRequest

from serving.api.around.access import caller, who
from serving.api.body import read_body
from serving.api.declared import declares
from serving.api.openapi.operation import Operation, body, response
from serving.api.openapi.structs import listed
from serving.api.protocols import refusals
from serving.api.protocols.refusals import described
from serving.api.respond import as_json
from serving.errors import NotJSON
from serving.inputs.shown import shown
from serving.predicting.service import Service
from serving.versions.registry import Registry
from serving.versions.version_list import list_versions
from serving.versions.versions import Versions

REMOTE = ("config", "file:")  # parameters that would have a client's code or files loaded
EMPTY = {"description": "Done."}


class IndexEntry(msgspec.Struct):
    """A version of a model: READY if it predicts, otherwise with the reason why not."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


class IndexRequest(msgspec.Struct, omit_defaults=True):
    """Whether only versions that are ready are listed."""

    ready: bool = False


class ControlRequest(msgspec.Struct, omit_defaults=True):
    """Parameters of loading, and of unloading."""

    parameters: dict[str, Any] = {}


def register(routes: Blueprint, service: Service) -> None:
    """Add the routes under /v2/repository."""
    registry = service.registry

    @routes.post("/v2/repository/index")
    @declares(
        described(
            "Every version of every model",
            response(listed(IndexEntry), "One entry for each version."),
            requestBody=_optional(IndexRequest, {"those that are ready": {"ready": True}}),
        ),
        scope="read",
        shows_allowed=True,
    )
    def v2_index() -> Response:
        only_ready = _read(IndexRequest).ready
        found = [
            entry
            for name in sorted(registry.live)
            if caller().sees(name)
            for entry in entries(service.registry, name)
        ]
        return as_json([each for each in found if each.state == "READY" or not only_ready])

    @routes.post("/v2/repository/models/<name>/load")
    @declares(
        described(
            "Follow the latest decision on a model",
            EMPTY,
            requestBody=_optional(ControlRequest, {"load": {}}),
        ),
        scope="admin",
    )
    def v2_load(name: str) -> Response:
        sent = _read(ControlRequest).parameters
        if refused := [each for each in sent if each.startswith(REMOTE)]:
            raise BadRequest(
                f"{', '.join(map(shown, refused))} cannot be sent; a version is added by training "
                f"it or importing its file, and put live by POST /models/{name}/versions"
            )
        registry.refresh()
        registry.engine(name)
        return Response(mimetype="application/json")

    @routes.post("/v2/repository/models/<name>/unload")
    @declares(_unload_operation(), scope="admin")
    def v2_unload(name: str) -> Response:
        _read(ControlRequest)
        version = registry.manifest(name).version
        Versions(registry.decisions, who()).retire(name, version, "unloaded")
        registry.refresh()
        return Response(mimetype="application/json")


def _optional(content: type[msgspec.Struct], examples: dict[str, Any]) -> Operation:
    return body(content, examples) | {"required": False}


def _unload_operation() -> Operation:
    operation = described(
        "Retire the live version of a model",
        EMPTY,
        requestBody=_optional(ControlRequest, {"unload": {}}),
    )
    operation["responses"]["409"] = response(refusals.Refusal)
    return operation


def _read(kind: type[Any]) -> Any:
    """Read the body of a request; an empty one asks for nothing in particular."""
    content = read_body()
    try:
        return msgspec.json.decode(content, type=kind) if content else kind()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJSON(f"the body is not as it should be: {error}; it may be empty") from None


def entries(registry: Registry, name: str) -> list[IndexEntry]:
    """List every version of a model, the latest first.

    Raises
    ------
    UnknownModel, ArtefactError
    """
    found = []
    for each in list_versions(registry.decisions, name):
        reason = each.broken or ("retired" if "retired" in each.states else "")
        state: Literal["READY", "UNAVAILABLE"] = "UNAVAILABLE" if reason else "READY"
        found.append(IndexEntry(name, str(each.version), state, reason))
    return found
