"""JSON Schemas of structs, described by their docstrings."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import inspect

Schema = dict[str, Any]
Content = (
    Schema | type[msgspec.Struct]
)  # document.py replaces a struct by a reference to its schema

REF = "#/components/schemas/"
DATA = {"const", "default", "enum", "example", "examples", "required", "value"}  # no schemas
NOTES = ("description", "default", "example", "examples", "title")  # that limit nothing
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
HEADING = re.compile(r"\n\n?Attributes\n-+\n")
ENTRY = re.compile(
    r"^(?P<names>\w[\w, ]*?)(?: : .*)?\n(?P<description>(?: {4}.*\n?)+)", re.MULTILINE
)


def ref(name: str) -> Schema:
    """Point to a schema of the document's components."""
    return {"$ref": REF + name}


def schemas(structs: Sequence[type[msgspec.Struct]]) -> dict[str, Schema]:
    """The schema of each struct, and of each that is part of one, by its name.

    A field with a default is required, too: it is sent as it is, unless the struct leaves
    defaults out.
    """
    _, found = msgspec.json.schema_components(structs, ref_template=REF + "{name}")
    for struct in {each for info in inspect.multi_type_info(structs) for each in _parts(info)}:
        schema = found[struct.__name__]
        schema["description"] = described(struct)
        for documented in (struct, *struct.__bases__):
            for name, text in _documented(documented.__doc__ or "")[1].items():
                schema["properties"][name].setdefault("description", text)
        if not struct.__struct_config__.omit_defaults:
            defaults = [name for name, each in schema["properties"].items() if "default" in each]
            schema["required"] = [*dict.fromkeys([*schema["required"], *defaults])]
    return dict(found)


def simple(schema: Any) -> Any:
    """A part of the document in words that generators of clients and linters know.

    A tuple becomes an array of that length whose items are of any of its kinds, because most know
    no `prefixItems`; a list of types, or an enum of several, any of them; anything or null becomes
    anything; and null alone a constant.
    """
    if isinstance(schema, list):
        return [simple(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: value if name in DATA else simple(value) for name, value in schema.items()}
    if isinstance(properties := schema.get("properties"), dict):
        found["properties"] = {name: _no_null(simple(part)) for name, part in properties.items()}
    if kinds := found.pop("prefixItems", None):
        found["items"] = any_of([each for at, each in enumerate(kinds) if each not in kinds[:at]])
    if isinstance(values := schema.get("enum"), list):
        return _of_values(found, values)
    if isinstance(types := schema.get("type"), list):
        return _of_types(found, types)
    if {} in found.get("anyOf", []):
        del found["anyOf"]
    return found


def _no_null(kind: Any) -> Any:
    """The schema of a property; of one that is only null, a constant."""
    if isinstance(kind, dict) and kind.get("type") == "null":
        return {name: value for name, value in kind.items() if name != "type"} | {"const": None}
    return kind


def _of_types(schema: Schema, types: Sequence[str]) -> Schema:
    """A schema of several types: what limits it belongs to the only one besides null."""
    notes = {name: schema.pop(name) for name in NOTES if name in schema}
    del schema["type"]
    limits = schema if len([each for each in types if each != "null"]) == 1 else {}
    kinds = [({} if each == "null" else limits) | {"type": each} for each in types]
    return ({} if limits else schema) | any_of(kinds) | notes


def _of_values(schema: Schema, values: Sequence[Any]) -> Schema:
    """A schema of listed values, those of each type on their own."""
    named: dict[str, list[Any]] = {}
    for value in values:
        named.setdefault(TYPES[type(value)], []).append(value)
    kinds: list[Schema] = [
        {"type": kind} | ({} if kind == "null" else {"enum": listed})
        for kind, listed in named.items()
    ]
    others = {name: value for name, value in schema.items() if name not in ("enum", "type")}
    return others | any_of(kinds)


def described(content: Any) -> str:
    """Return the first part of a struct's docstring."""
    return _documented(content.__doc__)[0]


@lru_cache(maxsize=512)  # each is in many operations
def _documented(docstring: str) -> tuple[str, Mapping[str, str]]:
    """Split a docstring into the description of a struct and those of its fields."""
    text, *attributes = HEADING.split(cleandoc(docstring), maxsplit=1)
    return text, {
        name: " ".join(lines.split()).replace("None", "null")
        for names, lines in ENTRY.findall("".join(attributes))
        for name in names.split(", ")
    }


def _parts(info: Any) -> Iterator[type[msgspec.Struct]]:
    """Every struct that a type is made of."""
    if isinstance(info, inspect.StructType):
        yield info.cls
    for name in info.__struct_fields__:
        value = getattr(info, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, inspect.Type | inspect.Field):
                yield from _parts(part)


def any_of(kinds: Sequence[Schema]) -> Schema:
    """The schema of what is of one or more kinds."""
    return {"anyOf": [*kinds]} if len(kinds) > 1 else kinds[0]


def listed(of: Content) -> Schema:
    """The schema of an array."""
    return {"type": "array", "items": of}


def record(optional: Sequence[str] = (), /, **properties: Content) -> Schema:
    """The schema of an object whose properties are required unless they are `optional`."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def text(description: str = "", **limits: Any) -> Schema:
    """The schema of a string."""
    return {"type": "string"} | ({"description": description} if description else {}) | limits


def whole_number(**limits: int) -> Schema:
    """The schema of an integer."""
    return {"type": "integer"} | limits
