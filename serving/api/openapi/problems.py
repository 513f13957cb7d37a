"""Every error that a route may return, each with an example."""

from typing import Any

import msgspec

from serving.api.around.errors import InvalidInput, Objection, Problem, RefusedDecision, problem
from serving.api.openapi.structs import Schema
from serving.errors import Fault, InvalidRecords
from serving.inputs import schema
from serving.inputs.strict_json import JSONObject
from serving.models.manifest import Manifest

WORDS = {
    400: "the body is not JSON: Expecting value at line 1 column 1",
    401: "this needs a key; send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`",
    403: "the key 'shop' has no scope 'read'; it has predict, feedback",
    404: "/prediction does not exist; GET /models lists the models",
    408: "the body did not arrive in time",
    409: "the version is not put live",
    413: "10001 records in one request; send at most 10000",
    415: "Content-Type 'text/xml' is not supported; send application/json",
    422: "1 fault in the input",
    429: "more than 50 requests a second from this key",
    500: "the service failed; its log has the reason under request id 9f3c",
    503: "the database cannot be reached",
}
REASONS = {
    400: "Not JSON, an incomplete body, or an invalid parameter.",
    401: "No key, or a wrong one, where one is needed.",
    403: "The key lacks the scope, or has it for other models; or no key may decide.",
    404: "Not found.",
    408: "The body did not arrive in time.",
    409: "The decision is refused; `errors` has every reason.",
    413: "Too many records or bytes for one request.",
    415: "A media type or encoding that is not supported.",
    422: "JSON, but not a valid record; `errors` has each fault.",
    429: "Too many requests, or too many wrong keys; `Retry-After` has the seconds to wait.",
    500: "The service failed; the log has the rest.",
    503: "A version cannot be loaded, the journal cannot be used now; or, with `Retry-After`, the "
    "store cannot, or other large bodies leave no room.",
}
OBJECTION = "ROC AUC is 0.8 ± 0.01; the live version's is 0.85 ± 0.01"


def responses() -> dict[str, Schema]:
    """A response for each status, as components."""
    examples = {status: problem(Problem, status, detail) for status, detail in WORDS.items()}
    examples[409] = problem(RefusedDecision, 409, WORDS[409], errors=[Objection(OBJECTION)])
    missing = Fault(record=0, field="id", message="is missing")
    examples[422] = problem(InvalidInput, 422, WORDS[422], errors=[missing])
    return {str(status): _response(example) for status, example in examples.items()}


def refused(manifest: Manifest) -> Schema:
    """The response of a model to an invalid record."""
    wrong: dict[str, Any] = {
        manifest.fields[0].name: []
    }  # no field takes that; any text may be somebody's label
    reader = schema.Schema(manifest.fields).reader()
    reader.row(0, JSONObject([*(manifest.example | wrong).items()]))
    error = InvalidRecords(reader.faults)
    return _response(problem(InvalidInput, 422, str(error), errors=error.faults))


def _response(example: Problem) -> Schema:
    media = {"schema": type(example), "example": msgspec.to_builtins(example)}
    return {
        "description": REASONS[example.status],
        "content": {"application/problem+json": media},
    }
