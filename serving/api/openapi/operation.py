"""The parts that an OpenAPI operation is put together from."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from serving.api.openapi.structs import Content, Schema, described
from serving.models.manifest import Manifest

Operation = dict[str, Any]


class About(NamedTuple):
    """The model that a route is described for.

    Attributes
    ----------
    manifest : Manifest
        That of the default model where a route belongs to no one model.
    examples : dict of str to record
        By title; the model's own example first.
    predicted : dict
        The default model's prediction for its example, under an id that is recorded if any is.
    max_records : int
        The limit for one request.
    """

    manifest: Manifest
    examples: dict[str, dict[str, Any]]
    predicted: dict[str, Any]
    max_records: int

    @property
    def is_default(self) -> bool:
        """Whether the model is the default one."""
        return bool(self.predicted["model"] == self.manifest.name)

    def of_model(self, what: str) -> str:
        """The name of one of the model's own components."""
        return f"{component(self.manifest.name)}.{what}"


Describe = Callable[[About], Operation]


def component(name: str) -> str:
    """Encode a name for a component: characters that are not allowed in one become `-20-`."""
    return "".join(
        letter
        if letter.isascii() and (letter.isalnum() or letter in "_-")
        else f"-{ord(letter):x}-"
        for letter in name
    )


def operation(
    summary: str,
    success: Content,
    problems: Sequence[int] = (),
    others: dict[int, Schema] | None = None,
    **parts: Any,
) -> Operation:
    """An operation; any route may fail with a 500.

    Parameters
    ----------
    success : struct or response
        The response with status 200; a struct is sent as JSON.
    problems : sequence of int
        The statuses of its errors.
    others : dict of int to response, optional
        Responses with other statuses.
    """
    ok = success if isinstance(success, dict) else response(success)
    responses = {str(status): content for status, content in {200: ok, **(others or {})}.items()}
    for status in (*problems, 500):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return {"summary": summary, **parts, "responses": responses}


def with_status(status: int, described: Operation, **others: Any) -> Operation:
    """An operation whose success has another status than 200."""
    responses = described["responses"]
    return described | {"responses": {str(status): responses.pop("200") | others} | responses}


def response(content: Content, description: str = "", **others: Any) -> Schema:
    """A response in JSON, described by its struct unless a description is given."""
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
