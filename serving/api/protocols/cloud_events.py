"""CloudEvents 1.0 around bodies, in binary form, with headers, or in structured form, as JSON."""

from base64 import b64decode

import msgspec
from flask import Response, request
from msgspec import Raw
from werkzeug.exceptions import BadRequest

from serving import clock
from serving.api.respond import as_json
from serving.errors import NotJSON

STRUCTURED = "application/cloudevents+json"
REQUIRED = ("specversion", "id", "type", "source")
TYPE, SOURCE = "io.kserve.inference.response", "io.kserve.inference."


def attributes() -> dict[str, str]:
    """The attributes of a CloudEvent in binary form; none if the request is not one."""
    found = {name: request.headers.get(f"ce-{name}", "") for name in REQUIRED}
    return found if found["specversion"] else {}


def opened(event: bytes) -> tuple[dict[str, str], bytes]:
    """Return the attributes and the body of a CloudEvent in structured form.

    Raises
    ------
    NotJSON, BadRequest
    """
    try:
        members = msgspec.json.decode(event, type=dict[str, Raw])
        attributes = {name: msgspec.json.decode(members[name], type=str) for name in REQUIRED}
        packed = msgspec.json.decode(members.get("data_base64", b'""'), type=str)
        body = b64decode(packed, validate=True) or bytes(members["data"])
    except KeyError as error:
        raise BadRequest(f"the CloudEvent has no `{error.args[0]}`") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise NotJSON(f"the body is not a CloudEvent: {error}") from None
    return attributes, body


def event(model: str, event_id: str, predicted: bytes) -> Response:
    """Make a CloudEvent of the predictions, in the form of the request."""
    attributes = {
        "specversion": "1.0",
        "id": event_id,
        "type": TYPE,
        "source": SOURCE + model,
        "time": clock.iso(clock.now()),
    }
    if request.mimetype == STRUCTURED:
        structured = attributes | {"datacontenttype": "application/json", "data": Raw(predicted)}
        return as_json(structured, mimetype=STRUCTURED)
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    return Response(predicted, headers=headers, mimetype="application/json")
