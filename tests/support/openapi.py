"""Validates documents of OpenAPI, whose schema is indexed once, not at each of its references."""

from typing import Any

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.schemas import openapi_v31_schema_validator as as_installed
from referencing.jsonschema import DRAFT202012, SchemaRegistry


def _indexed() -> Draft202012Validator:
    """The validator of the schema of OpenAPI, with an index of all that its references name."""
    schema = as_installed.schema
    registry: SchemaRegistry = as_installed._registry  # noqa: SLF001 - it is given to no caller
    indexed = (DRAFT202012.create_resource(dict(schema)) @ registry).crawl()
    return Draft202012Validator(
        dict(schema), registry=indexed, _resolver=indexed.resolver(schema["$id"])
    )


class _Validator(OpenAPIV31SpecValidator):
    schema_validator = _indexed()


def validate(document: dict[str, Any]) -> None:
    """Raise what is first found wrong with a document."""
    _Validator(document).validate()
