"""Predictions: of the records that are sent, and of a model's example."""

from serving.api.openapi.operation import About, Operation, as_json, body, one_or_many, operation
from serving.api.openapi.structs import ref


def predict(about: About) -> Operation:
    """POST a record, or an array of records."""
    example = about.manifest.example
    answer = as_json(
        "One prediction, or an array of them where an array was sent.",
        {"oneOf": [ref(about.of_model("Prediction")), ref(about.of_model("Predictions"))]},
        **({"example": about.answered} if about.is_default else {}),
    )
    described = operation(
        f"Predict {about.manifest.target}",
        {200: answer},
        (400, 404, 413, 415, 503),
        description=f"{about.manifest.title}. A body without a Content-Type, or with the one that "
        "curl gives it, is read as JSON too.",
        requestBody=body(
            one_or_many(ref(about.of_model("Record")), about.max_records),
            {"one record": example, "many records": [example, example]},
        ),
    )
    refused = f"#/components/responses/{about.of_model('Refused')}"
    described["responses"]["422"] = {"$ref": refused}
    return described


def example(about: About) -> Operation:
    """GET a record that works, and its prediction."""
    answer = as_json("The prediction, and the record as `input`.", ref(about.of_model("Example")))
    answer["links"] = {
        "feedback": {
            "operationId": "feedback",
            "requestBody": {"id": "$response.body#/id", "actual": "$response.body#/prediction"},
        },
        "look-up": {
            "operationId": "prediction",
            "parameters": {"prediction_id": "$response.body#/id"},
        },
    }
    return operation("A record that works, with its prediction", {200: answer}, (404, 503))


OPERATIONS = {
    "POST /predict": predict,
    "GET /example": example,
    "POST /models/{name}/predict": predict,
    "GET /models/{name}/example": example,
    "POST /models/{name}/versions/{version}/predict": predict,
    "GET /models/{name}/versions/{version}/example": example,
}
