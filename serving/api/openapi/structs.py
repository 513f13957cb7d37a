"""JSON Schemas of structs, described by their docstrings."""

import re
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import inspect

Schema = dict[str, Any]
Content = (
    Schema | type[msgspec.Struct]
)  # document.py replaces a struct by a reference to its schema

REF = "#/components/schemas/"
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
    return {name: _simple(schema) for name, schema in found.items()}


def _simple(schema: Any) -> Any:
    """The schema in words that generators of clients and linters know.

    A tuple becomes an array of that length whose items are of any of its kinds, because most know
    no `prefixItems`; anything or null becomes anything; null alone a constant; and what is one of
    some texts is a text.
    """
    if isinstance(schema, list):
        return [_simple(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    simple = {name: _simple(value) for name, value in schema.items() if name != "prefixItems"}
    if kinds := schema.get("prefixItems"):
        simple["items"] = any_of([each for at, each in enumerate(kinds) if each not in kinds[:at]])
    if "enum" in schema:  # that msgspec writes without a type
        simple["type"] = "string"
    if {} in simple.get("anyOf", []):
        del simple["anyOf"]
    if isinstance(kinds := schema.get("type"), list):
        del simple["type"]
        simple["anyOf"] = [{"type": each} for each in kinds]
    for kind in simple.get("properties", {}).values():
        if kind.get("type") == "null":
            del kind["type"]
            kind["const"] = None
    return simple


def described(content: Any) -> str:
    """Return the first part of a struct's docstring."""
    return _documented(content.__doc__)[0]


def _documented(docstring: str) -> tuple[str, dict[str, str]]:
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
