"""The OpenAPI document: every route, for every model that is live."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from serving import __version__
from serving.api.around.errors import Problem
from serving.api.openapi import problems, records
from serving.api.openapi.operation import About, component
from serving.api.openapi.routes import OPERATIONS
from serving.api.openapi.structs import TIME, Schema, record, ref, schemas, text, whole
from serving.errors import Fault
from serving.inputs.schema import Remark
from serving.models.card import Card
from serving.models.manifest import Manifest
from serving.monitor.report import Report
from serving.recording.store.reports import Alert
from serving.versions.decisions import Decision
from serving.versions.versions import Version

STRUCTS = (Alert, Card, Decision, Fault, Manifest, Problem, Remark, Report, Version)
INTRODUCTION = """\
Records in, predictions out. Field names are those of the data; their order never matters. A
category is sent as its label or its code. A field too many, and a value that training did not see,
are answered with a warning; a field that is missing, mistyped or impossible is an error, which
names every fault at once.

Every error is `application/problem+json` (RFC 9457); a method that a path does not take is a 405
with `Allow`. Every answer carries `X-Request-ID`: the client's own where it sent a sound one. The
log has it too.

Bodies may come packed, with `Content-Encoding: gzip`, and answers go so where `Accept-Encoding`
asks for it. `?pretty` indents an answer.
"""
ADMIN = {"type": "http", "scheme": "bearer", "description": "One of the keys of `ADMIN_KEYS`."}


def document(models: Sequence[About]) -> dict[str, Any]:
    """Describe every route for every model.

    Parameters
    ----------
    models : sequence of About
        Each that is live, the default one first.
    """
    default = models[0].manifest
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
            {"name": "default model", "description": f"{default.name}: {default.title}"},
            {"name": "service", "description": "What belongs to no one model."},
            *(
                {"name": _tag("{name}", each.manifest.name), "description": each.manifest.title}
                for each in models
            ),
        ],
        "paths": _paths(models),
        "components": {
            "schemas": _schemas(models),
            "responses": problems.answers()
            | {each.of_model("Refused"): problems.refused(each.manifest) for each in models},
            "securitySchemes": {"admin": ADMIN},
        },
    }


def _paths(models: Sequence[About]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for call, describe in OPERATIONS.items():
        method, path = call.split()
        for about in models if "{name}" in path else models[:1]:
            name = about.manifest.name
            item = paths.setdefault(path.replace("{name}", quote(name, safe="")), {})
            ids = [describe.__name__]
            if "{name}" in path:
                ids.insert(0, component(name))
            if "{version}" in path:
                ids.append("by_version")
                item["parameters"] = [_version(about.manifest.version)]
            tag = {"tags": [_tag(path, name)], "operationId": "_".join(ids)}
            item[method.lower()] = tag | describe(about)
    return paths


def _tag(path: str, model: str) -> str:
    if "{name}" in path:
        return f"model {model}"
    return "default model" if path in {"/predict", "/example"} else "service"


def _version(live: int) -> Schema:
    return {
        "name": "version",
        "in": "path",
        "required": True,
        "description": "Of the model. Another than the live one may take other fields.",
        "schema": whole(minimum=1),
        "example": live,
    }


def _schemas(models: Sequence[About]) -> dict[str, Schema]:
    found = schemas(STRUCTS)
    found["Problem"]["properties"]["errors"]["items"] = {
        "anyOf": [ref("Fault"), record(message=text())]
    }
    found["Decision"]["properties"]["time"] = TIME
    found["Card"]["properties"] |= {"name": text(), "version": whole()}
    for schema in found.values():
        if "statements" in schema.get("properties", {}):  # see monitor/wording.py
            schema["properties"]["sentence"] = text("What it says, in English.")
            schema["required"].append("sentence")
    model = found["Model"] = found.pop("Manifest")
    del model["properties"]["files"]
    model["properties"]["backend"] = text("What answers: onnx, or the pickle itself.")
    for schema in (model, found["Decision"], found["Alert"]):
        schema["required"] = [*schema["properties"]]
    found["Truth"] = {"anyOf": [ref(about.of_model("Truth")) for about in models]}
    for about in models:
        for name, schema in records.of(about.manifest).items():
            found[about.of_model(name)] = schema
    return found
