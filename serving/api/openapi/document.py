"""The OpenAPI document: every route that declares an operation, for every model that is live."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from flask import Flask
from werkzeug.routing import Rule

from serving import __version__
from serving.access.callers import Caller, Need
from serving.api import explanations
from serving.api.around import request_id
from serving.api.declared import declaration
from serving.api.openapi import problems, records
from serving.api.openapi.operation import About, Operation, component
from serving.api.openapi.structs import Schema, ref, schemas, simple, text, whole_number

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")  # of a path, as Flask writes it
OF_FLASK = {"HEAD", "OPTIONS"}  # methods that need no view
INTRODUCTION = """\
Records in, predictions out. Field names are those of the data; their order never matters. A
category is sent as its label or its code. An unknown field, and a value outside those seen in
training, add a warning to the prediction. A field that is missing, of the wrong type or out of its
possible range is an error; all errors of a request are reported together.

Every error is `application/problem+json` (RFC 9457); a method that a path does not allow is a 405
with `Allow`. Every response has `X-Request-ID`: the client's own where it sent a valid one. It is
in the log, too.

`?explain` on a route that predicts adds how much each field contributes to a prediction.

Bodies may be packed, with `Content-Encoding: gzip`, and responses are where `Accept-Encoding` has
it. `?pretty` indents a response.
"""
SCHEMES: dict[str, Schema] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key with the scope."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "The key as password."},
}
DEFAULT = "default model"  # the tag of its operations
REFUSALS = (401, 403, 429)  # of every route that is not open


def make_document(
    app: Flask, models: Sequence[About], everybody: Caller, default: str
) -> dict[str, Any]:
    """Describe every route for every model.

    Parameters
    ----------
    app : Flask
        With all routes; those that declare no operation are left out.
    models : sequence of About
        Each that is live, the default one first.
    everybody : Caller
        What needs no key.
    default : str
        The default model, which may not be among them.
    """
    of_default = [each.manifest for each in models if each.manifest.name == default]
    structs: dict[str, type[msgspec.Struct]] = {}

    def referred(struct: Any) -> Schema:
        structs[struct.__name__] = struct
        return ref(struct.__name__)

    described: dict[str, Any] = msgspec.to_builtins(
        {
            "paths": _paths(app, models, everybody, has_default=bool(of_default)),
            "schemas": _of_models(models),
            "responses": problems.responses()
            | {each.of_model("Refused"): problems.refused(each.manifest) for each in models},
        },
        enc_hook=referred,
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Adega",
            "version": __version__,
            "summary": "scikit-learn models in production, behind HTTP",
            "description": INTRODUCTION,
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "tags": [
            *(
                {"name": DEFAULT, "description": f"{each.name}: {each.title}"}
                for each in of_default
            ),
            {"name": "service", "description": "What all models share."},
            *(
                {"name": _tag_of(each.manifest.name), "description": each.manifest.title}
                for each in models
            ),
        ],
        "paths": simple(described["paths"]),
        "components": {
            "schemas": simple(_schemas([*structs.values()]) | described["schemas"]),
            "responses": described["responses"],
            "securitySchemes": SCHEMES,
        },
    }


def _paths(
    app: Flask, models: Sequence[About], everybody: Caller, *, has_default: bool
) -> dict[str, Any]:
    """Every route that is declared, by its path; those of a model once for each."""
    paths: dict[str, Any] = {}
    for rule in app.url_map.iter_rules():
        declared = declaration(rule.endpoint)
        if not declared.describe or (not has_default and _tag(rule, "") == DEFAULT):
            continue
        path = PARAMETER.sub(r"{\1}", rule.rule)
        for about in models if "{name}" in path else models[:1]:
            name = about.manifest.name
            item = paths.setdefault(path.replace("{name}", quote(name, safe="")), {})
            ids = [rule.endpoint.rpartition(".")[2]]
            if "{name}" in path:
                ids.insert(0, component(name))
            if "{version}" in path:
                ids.append("by_version")
                item["parameters"] = [_version(about.manifest.version)]
            described: Operation = {
                "tags": [_tag(rule, name)],
                "operationId": "_".join(ids),
            } | declared.describe(about)
            if declared.predicts:
                others = described.get("parameters", [])
                added = [*explanations.parameters(about), *request_id.DESCRIBED]
                described = described | {"parameters": [*others, *added]}
            described |= _secured(described, declared.scope, everybody)
            item |= dict.fromkeys(map(str.lower, (rule.methods or set()) - OF_FLASK), described)
    return paths


def _secured(operation: Operation, scope: Need, everybody: Caller) -> Operation:
    """What a scope adds to an operation: its errors, and the schemes, none if no key is needed."""
    if scope == "open":
        return {"security": []}
    refusals = {str(each): {"$ref": f"#/components/responses/{each}"} for each in REFUSALS}
    needed = [] if scope == "any" else [scope]
    schemes = [] if scope in everybody.scopes else [{scheme: needed} for scheme in SCHEMES]
    return {"responses": refusals | operation["responses"], "security": schemes}


def _tag(rule: Rule, model: str) -> str:
    if "name" in rule.arguments:  # of its path, or by default
        return DEFAULT if "name" in (rule.defaults or {}) else _tag_of(model)
    return "service"


def _tag_of(model: str) -> str:
    return f"model {model}"


def _version(live: int) -> Schema:
    return {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "A version of the model; one that is not live may have other fields.",
        "schema": whole_number(minimum=1),
        "example": live,
    }


def _schemas(structs: Sequence[type[msgspec.Struct]]) -> dict[str, Schema]:
    """The schemas of structs, with what is added to them when they are sent."""
    found = schemas(structs)
    for schema in found.values():
        if "statements" in schema.get("properties", {}):  # see monitor/wording.py
            schema["properties"]["sentence"] = text("The statements as an English sentence.")
            schema["required"].append("sentence")
    return found


def _of_models(models: Sequence[About]) -> dict[str, Schema]:
    """The schemas that each model has of its own."""
    return {
        about.of_model(name): schema
        for about in models
        for name, schema in records.of(about.manifest).items()
    } | {
        "FeedbackByOwnId": records.feedback_by_own_id(),
        "Feedback": {
            "anyOf": [
                *(ref(about.of_model("Feedback")) for about in models),
                ref("FeedbackByOwnId"),
            ]
        },
    }
