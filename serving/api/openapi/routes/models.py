"""What is served."""

from serving.api.openapi.operation import About, Operation, as_json, operation
from serving.api.openapi.structs import listed, mapped, record, ref, text, whole


def models(_: About) -> Operation:
    """GET every model."""
    summary = record(
        name=text(),
        version=whole("The live one."),
        title=text(),
        task={"enum": ["classification", "regression"]},
        classes=listed(text()),
        card=text("Where the model is described."),
        predict=text("Where records are predicted."),
    )
    answer = record(
        default=text("The model behind /predict and /example."),
        models=listed(summary),
        broken=mapped(text()) | {"description": "By model: why it, or a version, is not served."},
    )
    return operation("Every model that is served", {200: as_json("The models.", answer)})


def model(_: About) -> Operation:
    """GET one model."""
    told = as_json("Its fields, metrics, data and example.", ref("Model"))
    return operation("What this model is", {200: told}, (404, 503))


def card(_: About) -> Operation:
    """GET what a model's card is drawn from."""
    told = as_json("Curves, importance and the like; a page for a browser.", ref("Card"))
    told["content"]["text/html"] = {"schema": text()}
    return operation("How well it does, on held-out rows", {200: told}, (404, 503))


OPERATIONS = {
    "GET /models": models,
    "GET /models/{name}": model,
    "GET /models/{name}/card": card,
    "GET /models/{name}/versions/{version}": model,
    "GET /models/{name}/versions/{version}/card": card,
}
