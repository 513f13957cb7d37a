"""A made-up record, predicted and explained; nothing of it is recorded."""

from flask import Blueprint, Response
from werkzeug.exceptions import BadRequest

from serving.api import explanations
from serving.api.body import read_json
from serving.api.declared import declares
from serving.api.openapi.operation import About, Operation, body, operation, response
from serving.api.openapi.structs import ref
from serving.api.respond import as_json
from serving.formats.bodies import to_body
from serving.predicting.service import Service


def what_if_operation(about: About) -> Operation:
    """POST a record that is made up."""
    return operation(
        "What a made-up record would be predicted, and why",
        response(ref(about.of_model("WhatIf")), "The prediction and its explanation."),
        (400, 404, 408, 413, 415, 503),
        others={422: {"$ref": f"#/components/responses/{about.of_model('Refused')}"}},
        description="For one record, to see what another value would change. The prediction is "
        "neither recorded nor counted, so it has no id and can get no feedback. All fields are "
        "explained unless `explain` limits them.",
        parameters=explanations.parameters(about),
        requestBody=body(ref(about.of_model("Record")), about.examples),
    )


def blueprint(service: Service) -> Blueprint:
    """The route of what is not recorded."""
    routes = Blueprint("what_if", __name__)

    @routes.post("/models/<name>/what-if")
    @declares(what_if_operation, scope="predict")
    def what_if(name: str) -> Response:
        engine = service.registry.engine(name)
        options = explanations.options(always=True)
        rows = engine.schema.decode(read_json(), 1)
        if rows.many:
            raise BadRequest("an array was sent; send one record, a JSON object")
        return as_json(to_body(service.predict_unrecorded(engine, rows, options)))

    return routes
