"""Requests work as the document shows them, and responses have what it describes."""

from contextlib import closing
from typing import Any

import pytest
import trainings
from conftest import body, moved, predict, wine
from documented import KEY, operations
from entries import predicted
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from app import create_app
from serving.settings import Settings

ADMIN = {"X-API-Key": KEY}


@pytest.fixture(scope="module")
def kept_in(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(var_dir=tmp_path_factory.mktemp("var"), admin_keys=f"ana:{KEY}")


@pytest.fixture(scope="module")
def client(kept_in: Settings) -> FlaskClient:
    return create_app(kept_in).test_client()


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> dict[str, Any]:
    return client.get("/openapi.json").json


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator that accepts only properties which the document names."""
    components = closed(document["components"])
    return Draft202012Validator(closed(schema) | {"components": components})


def test_requests_work_as_the_document_shows_them(
    client: FlaskClient, document: dict[str, Any], kept_in: Settings
):
    for method, path, operation in operations(document):
        shown = {
            parameter["name"]: parameter["example"]
            for parameter in operation["parameters"]
            if "example" in parameter
        }
        if "prediction_id" in shown:
            with closing(moved(kept_in)) as store:
                store.add([predicted(shown["prediction_id"])], {})
        if "training_id" in shown:
            trainings.keep(kept_in)
        asked = path.format(**shown)
        if method == "GET":
            answer = client.get(asked, headers=ADMIN)
            assert answer.status_code == 200, path
        elif not operation["security"] and "requestBody" in operation:
            content = dict(operation["requestBody"]["content"])
            in_json = content.pop("application/json", {"examples": {}})  # none of a workbook
            for example in in_json["examples"].values():
                answer = client.post(asked, **body(example["value"]))
                assert answer.status_code == 200, asked
            for mimetype, written in content.items():
                if written["schema"].get("format") == "binary":  # of which JSON has no example
                    continue
                answer = client.post(asked, data=written["example"], content_type=mimetype)
                assert answer.status_code == 200, asked
                assert answer.mimetype in operation["responses"]["200"]["content"]


def closed(schema: Any) -> Any:
    """A schema whose objects have no more than it says."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result


def test_responses_have_what_the_document_describes_and_no_more(
    client: FlaskClient, document: dict[str, Any], kept_in: Settings
):
    about = {"X-Subject": "ana", "X-Own-ID": "order-17"}
    sent = client.post("/predict", **body(wine(alcohol=15.5)), headers=about).json
    client.post("/feedback", **body({"id": sent["id"], "actual": "bom"}))
    asked = {
        "/predictions/{prediction_id}": f"/predictions/{sent['id']}",
        "/subjects/{subject}": "/subjects/ana",
        "/trainings/{training_id}": f"/trainings/{trainings.ID}",
        "/trainings/{training_id}/log": f"/trainings/{trainings.ID}/log",
    }
    trainings.keep(kept_in)
    checked = 0
    for method, path, operation in operations(document):
        if method != "GET":
            continue
        filled = path.replace("{version}", "1").replace("{label}", "stable")
        answer = client.get(asked.get(path, filled), headers=ADMIN)
        assert answer.status_code == 200, path
        content = operation["responses"]["200"]["content"]
        if answer.mimetype == "application/json":
            validator(document, content["application/json"]["schema"]).validate(answer.json)
            checked += 1
    assert checked > 12


@pytest.mark.parametrize("sent", [wine(), [wine(alcohol=15.5)] * 2])
def test_a_prediction_has_what_the_document_describes_and_no_more(
    client: FlaskClient, document: dict[str, Any], sent: Any
):
    name = "wine.Predictions" if isinstance(sent, list) else "wine.Prediction"
    schema = {"$ref": f"#/components/schemas/{name}"}
    validator(document, schema).validate(predict(client, sent))


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/predict", {"data": "{"}, 400),
        ("/models/wine/versions/0/predict", body(wine()), 404),
        ("/predict", {"data": "x", "content_type": "text/xml"}, 415),
        ("/predict", body([wine(pH=-1), 3]), 422),
        ("/feedback", body({"id": "x"}), 422),
        ("/models/wine/versions", body({"action": "rollback"}), 401),
    ],
)
def test_an_error_has_what_the_document_describes_and_no_more(
    client: FlaskClient, document: dict[str, Any], path: str, sent: Any, status: int
):
    answer = client.post(path, **sent)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    described = document["components"]["responses"][str(status)]
    validator(document, described["content"][answer.mimetype]["schema"]).validate(answer.json)


def test_examples_of_errors_are_problems(document: dict[str, Any]):
    for name, response in document["components"]["responses"].items():
        content = response["content"]["application/problem+json"]
        example = content["example"]
        validator(document, content["schema"]).validate(example)
        assert name.endswith("Refused") or str(example["status"]) == name
    refused = document["components"]["responses"]["wine.Refused"]
    (fault,) = refused["content"]["application/problem+json"]["example"]["errors"]
    assert fault["field"] == "fixed acidity"
