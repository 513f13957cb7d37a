"""How inference is described in the API's document."""

from typing import Any

from serving.api.openapi.operation import About, Operation, body, response
from serving.api.openapi.structs import Schema, listed, record, text, whole_number
from serving.api.protocols.refusals import described
from serving.api.protocols.v2.metadata import datatype_of, outputs_of
from serving.api.protocols.v2.requests import HEADER
from serving.api.protocols.v2.tensors import DATATYPES

PARAMETERS: Schema = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean"]},
}
BINARY: Schema = {
    "name": HEADER,
    "in": "header",
    "description": "How many bytes of the body are JSON, where binary tensors follow it.",
    "schema": whole_number(minimum=0),
}


def infer_operation(about: About) -> Operation:
    """POST a matrix or columns."""
    manifest = about.manifest
    names = " ".join(f"`{name}`" for name in outputs_of(manifest))
    tensor = record(
        ("parameters", "data"),
        name=text(),
        shape=listed(whole_number(minimum=0)),
        datatype={"enum": [*DATATYPES]},
        parameters=PARAMETERS,
        data={"type": "array", "items": {}},
    )
    wanted = record(("parameters",), name={"enum": [*outputs_of(manifest)]}, parameters=PARAMETERS)
    sent = record(
        ("id", "parameters", "outputs"),
        id=text(),
        parameters=PARAMETERS,
        inputs={**listed(tensor), "minItems": 1},
        outputs=listed(wanted),
    )
    success = record(
        model_name=text(),
        model_version=text(),
        id=text(),
        parameters=PARAMETERS,
        outputs=listed(tensor),
    )
    answer = response(success, "The outputs.")
    binary = {"schema": {"type": "string", "format": "binary"}}
    answer["content"]["application/octet-stream"] = binary  # JSON, and the tensors after it
    return described(
        f"Predict {manifest.target}, by V2",
        answer,
        description="The Open Inference Protocol V2, with binary tensors. Inputs are a column for "
        f"each field, or one matrix of any other name. Outputs that may be asked for: {names}; "
        "the first one is the default.",
        parameters=[BINARY],
        requestBody=body(sent, {"columns": _example(about)}),
    )


def _example(about: About) -> dict[str, Any]:
    manifest = about.manifest
    return {
        "id": "my-request",
        "inputs": [
            {
                "name": field.name,
                "shape": [1, 1],
                "datatype": datatype_of(field),
                "data": [manifest.example.get(field.name)],
            }
            for field in manifest.fields
        ],
        "outputs": [{"name": name} for name in outputs_of(manifest)],
    }
