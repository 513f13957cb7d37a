"""The versions of a model, and what is decided about them."""

from serving.api.openapi.operation import About, Operation, as_json, body, operation
from serving.api.openapi.structs import Schema, listed, record, ref, text, whole


def versions(_: About) -> Operation:
    """GET every version and decision."""
    answer = record(
        versions=listed(ref("Version")) | {"description": "The latest first."},
        broken={"type": ["string", "null"], "description": "Why a version is not served."},
        trial={"anyOf": [ref("Trial"), {"type": "null"}]},
        decisions=listed(ref("Decision")) | {"description": "The latest first."},
    )
    told = as_json("Versions, the trial if there is one, and decisions.", answer)
    return operation("Versions and decisions", {200: told}, (404, 503))


def decide(about: About) -> Operation:
    """POST a decision."""
    version = about.manifest.version
    return operation(
        "Put a version live, try one, retire one",
        {200: as_json("What was decided.", ref("Decision"))},
        (400, 401, 403, 404, 408, 409, 415, 503),
        description="For those who have one of `ADMIN_KEYS`. A trial is a version that is tried "
        "on live traffic without answering; no version, or null, ends the trial.",
        security=[{"admin": []}],
        requestBody=body(
            {"oneOf": [_promote(), *map(_of_one, ("retire", "trial")), _of_none()]},
            {
                "put live": {"action": "promote", "version": version, "why": "better on reds"},
                "try": {"action": "trial", "version": version + 1},
                "end the trial": {"action": "trial"},
                "go back": {"action": "rollback", "why": "worse on whites"},
                "retire": {"action": "retire", "version": version + 1},
            },
        ),
    )


def _promote() -> Schema:
    force = {"type": "boolean", "description": "Overrule the gate, on the record."}
    return _decision({"const": "promote"}, version=whole(), force=force)


def _of_one(action: str) -> Schema:
    return _decision({"const": action}, version=whole())


def _of_none() -> Schema:
    actions = {"enum": ["rollback", "trial"]}
    return _decision(actions, version={"type": "null"}) | {"required": ["action"]}


def _decision(action: Schema, **others: Schema) -> Schema:
    optional = ("why", "force")
    why = text("Kept with the decision.")
    return record(optional, action=action, **others, why=why) | {"additionalProperties": False}


OPERATIONS = {
    "GET /models/{name}/versions": versions,
    "POST /models/{name}/versions": decide,
}
