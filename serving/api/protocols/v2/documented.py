"""How inference is described in the API's document."""

from typing import Any

from serving.api.openapi.operation import About, Operation, body, response
from serving.api.openapi.structs import Schema, listed, record, text, whole_number
from serving.api.protocols.refusals import described
from serving.api.protocols.v2.metadata import datatype_of, outputs_of
from serving.api.protocols.v2.requests import HEADER
from serving.api.protocols.v2.tensors import DATATYPES

PARAMETERS: Schema = {"type": "object"}
# Clients send what they leave out as null; unknown parameters are ignored, whatever they are.
SENT: Schema = {"type": ["object", "null"]}


def infer_operation(about: About) -> Operation:
    """POST a matrix or columns."""
    manifest = about.manifest
    names = " ".join(f"`{name}`" for name in outputs_of(manifest))
    tensor = {
        "name": text(),
        "shape": listed(whole_number(minimum=0)),
        "datatype": {"enum": [*DATATYPES]},
        "data": {"type": "array", "items": {}},
    }
    optional = ("parameters", "data")
    output = record(optional, **tensor, parameters=PARAMETERS)
    wanted = record(("parameters",), name={"enum": [*outputs_of(manifest)]}, parameters=SENT)
    sent = record(
        ("id", "parameters", "outputs"),
        id={"type": ["string", "null"]},
        parameters=SENT,
        inputs={**listed(record(optional, **tensor, parameters=SENT)), "minItems": 1},
        outputs={"type": ["array", "null"], "items": wanted, "uniqueItems": True},
    )
    success = record(
        model_name=text(),
        model_version=text(),
        id=text(),
        parameters=PARAMETERS,
        outputs=listed(output),
    )
    returned = response(success, "The outputs.")
    binary = {"schema": {"type": "string", "format": "binary"}}
    returned["content"]["application/octet-stream"] = binary  # JSON, and the tensors after it
    return described(
        f"Predict {manifest.target}, by V2",
        returned,
        description="The Open Inference Protocol V2, with binary tensors. Inputs are a column for "
        f"each field, or one matrix of any other name. Outputs that may be asked for: {names}; "
        f"the first one is the default. Binary tensors follow the JSON, whose length is in "
        f"`{HEADER}` then.",
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
