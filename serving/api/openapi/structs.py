"""JSON Schemas of structs, with what their docstrings say of them."""

import re
from collections.abc import Sequence
from inspect import cleandoc
from typing import Any

import msgspec

Schema = dict[str, Any]

REF = "#/components/schemas/"
HEADING = re.compile(r"\n\n?Attributes\n-+\n")
ENTRY = re.compile(r"^(?P<names>\w[\w, ]*?)(?: : .*)?\n(?P<told>(?: {4}.*\n?)+)", re.MULTILINE)


def ref(name: str) -> Schema:
    """Point to a schema of the document's components."""
    return {"$ref": REF + name}


def schemas(structs: Sequence[type[msgspec.Struct]]) -> dict[str, Schema]:
    """The schema of each struct, and of each that is part of one, by its name."""
    _, found = msgspec.json.schema_components(structs, ref_template=REF + "{name}")
    for schema in found.values():
        text, *attributes = HEADING.split(cleandoc(schema.get("description", "")), maxsplit=1)
        schema["description"] = text
        for names, told in ENTRY.findall("".join(attributes)):
            for name in names.split(", "):
                schema["properties"][name]["description"] = " ".join(told.split()).replace(
                    "None", "null"
                )
    return dict(found)


def listed(of: Schema) -> Schema:
    """An array."""
    return {"type": "array", "items": of}


def mapped(of: Schema) -> Schema:
    """An object with a value of one kind under any name."""
    return {"type": "object", "additionalProperties": of}


def record(optional: Sequence[str] = (), /, **properties: Schema) -> Schema:
    """An object with named values; those are there that are not `optional`."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def text(description: str = "", **limits: Any) -> Schema:
    """A text."""
    return {"type": "string"} | ({"description": description} if description else {}) | limits


def whole(description: str = "", **limits: Any) -> Schema:
    """A whole number."""
    return {"type": "integer"} | ({"description": description} if description else {}) | limits


TIME = {"type": "string", "format": "date-time"}
