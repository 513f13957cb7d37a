"""What is said of one route: the parts that an OpenAPI operation is put together from."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from serving.api.openapi.structs import Schema
from serving.models.manifest import Manifest

Operation = dict[str, Any]


class About(NamedTuple):
    """What a route is described for.

    Attributes
    ----------
    manifest : Manifest
        Of the model that it belongs to; of the default model where it belongs to none.
    examples : dict of str to record
        By what to call it; the model's own first.
    answered : dict
        What the default model answers to its example, under an id that is recorded if any is.
    max_records : int
        The most in one request.
    """

    manifest: Manifest
    examples: dict[str, dict[str, Any]]
    answered: dict[str, Any]
    max_records: int

    @property
    def is_default(self) -> bool:
        """Whether the model is the default one."""
        return bool(self.answered["model"] == self.manifest.name)

    def of_model(self, what: str) -> str:
        """The name of one of the model's own components."""
        return f"{component(self.manifest.name)}.{what}"


Describe = Callable[[About], Operation]


def component(name: str) -> str:
    """A name as components may have it: what may not stand in one is spelled out, as `-20-`."""
    return "".join(
        letter
        if letter.isascii() and (letter.isalnum() or letter in "_-")
        else f"-{ord(letter):x}-"
        for letter in name
    )


def operation(
    summary: str,
    answers: dict[int, Schema],
    problems: Sequence[int] = (),
    **others: Any,
) -> Operation:
    """An operation; any route may fail with a 500.

    Parameters
    ----------
    answers : dict of int to response
    problems : sequence of int
        The statuses of the errors that it may answer.
    """
    responses = {str(status): answer for status, answer in answers.items()}
    for status in (*problems, 500):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return {"summary": summary, **others, "responses": responses}


def as_json(description: str, schema: Schema, **others: Any) -> Schema:
    """A response, or a body, that is JSON."""
    return {
        "description": description,
        "content": {"application/json": {"schema": schema} | others},
    }


def body(schema: Schema, examples: dict[str, Any]) -> Schema:
    """A JSON body with its examples by their summary."""
    shown = {
        name.replace(" ", "_"): {"summary": name, "value": value}
        for name, value in examples.items()
    }
    content = {"application/json": {"schema": schema, "examples": shown}}
    return {"required": True, "content": content}


def one_or_many(schema: Schema, most: int) -> Schema:
    """One of a kind, or an array of it."""
    return {"oneOf": [schema, {"type": "array", "items": schema, "minItems": 1, "maxItems": most}]}


def query(name: str, schema: Schema, description: str) -> Schema:
    """A parameter behind the question mark."""
    return {"name": name, "in": "query", "description": description, "schema": schema}
