"""The parts that an OpenAPI operation is put together from."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from serving.api.openapi.structs import Content, Schema, described
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
        The default model's prediction for its example, under an id that is recorded if any is.
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
    answer: Content,
    problems: Sequence[int] = (),
    others: dict[int, Schema] | None = None,
    **parts: Any,
) -> Operation:
    """An operation; any route may fail with a 500.

    Parameters
    ----------
    answer : struct or response
        What a status of 200 comes with; of a struct, JSON.
    problems : sequence of int
        The statuses of the errors that it may answer.
    others : dict of int to response, optional
    """
    success = answer if isinstance(answer, dict) else response(answer)
    responses = {
        str(status): content for status, content in {200: success, **(others or {})}.items()
    }
    for status in (*problems, 500):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return {"summary": summary, **parts, "responses": responses}


def response(content: Content, description: str = "", **others: Any) -> Schema:
    """A response that is JSON; described as its struct is, unless otherwise."""
    return {
        "description": description or described(content),
        "content": {"application/json": {"schema": content} | others},
    }


def body(schema: Content, examples: dict[str, Any]) -> Schema:
    """A JSON body with its examples by their summary."""
    shown = {
        name.replace(" ", "_"): {"summary": name, "value": value}
        for name, value in examples.items()
    }
    content = {"application/json": {"schema": schema, "examples": shown}}
    return {"required": True, "content": content}


def one_or_many(schema: Schema, max_records: int) -> Schema:
    """One of a kind, or an array of it."""
    many = {"type": "array", "items": schema, "minItems": 1, "maxItems": max_records}
    return {"oneOf": [schema, many]}


def query(name: str, schema: Schema, description: str) -> Schema:
    """A parameter of the URL's query."""
    return {"name": name, "in": "query", "description": description, "schema": schema}
