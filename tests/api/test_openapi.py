"""The API's document: whole, valid, true of what the service answers, and up to date."""

import json
import re
import runpy
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trainings
from conftest import ROOT, body, moved, predict, rewrite, wine
from entries import predicted
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi import validate

from app import create_app
from serving.models.model_folder import put_live as point_to
from serving.monitor.findings import ConceptDrift, Drift, FieldDrift, Finding, Realised
from serving.monitor.report import Report, SeenRows, Unmeasured
from serving.recording.store.reports import Alert
from serving.settings import Settings

PAGES = "serving.api.pages"  # their routes need not be in the document
LEFT_OUT = {  # of the document, and why
    "GET /docs": "the page that shows the document",
    "GET /openapi.json": "the document itself",
}
KEY = "sixteen-or-more-characters"
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


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in item.keys() - {"parameters"}:
            parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
            yield method.upper(), path, item | item[method] | {"parameters": parameters}


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator that accepts only properties which the document names."""
    components = closed(document["components"])
    return Draft202012Validator(closed(schema) | {"components": components})


def test_the_document_is_valid(document: dict[str, Any]):
    assert document["openapi"].startswith("3.1")
    validate(document)
    ids = [operation["operationId"] for *_, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_every_route_is_in_the_document_or_has_a_reason_not_to_be(
    client: FlaskClient, document: dict[str, Any]
):
    routes, views = client.application.url_map, client.application.view_functions
    rules = {
        f"{method} {rule.rule}"
        for rule in routes.iter_rules()
        if not views[rule.endpoint].__module__.startswith(PAGES)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = set()
    for method, path, _ in operations(document):
        filled = re.sub(r"\{(?:prediction|training)_id\}", "any", path).replace("{version}", "1")
        rule, _ = routes.bind("").match(filled, method, return_rule=True)
        described.add(f"{method} {rule.rule}")
    assert rules - described == LEFT_OUT.keys()
    assert "GET /models/<name>/card" in described


def test_every_model_has_paths_of_its_own(document: dict[str, Any]):
    for name in ("wine", "wine-score", "diabetes"):
        for path in ("predict", "example", "versions", "versions/{version}/predict", "predictions"):
            assert f"/models/{name}/{path}" in document["paths"]


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


def test_every_struct_with_statements_is_described_with_its_sentence(document: dict[str, Any]):
    found = document["components"]["schemas"]
    for struct in (
        Alert,
        ConceptDrift,
        Drift,
        FieldDrift,
        Finding,
        Realised,
        Report,
        SeenRows,
        Unmeasured,
    ):
        schema = found[struct.__name__]
        assert schema["properties"].keys() == {*struct.__struct_fields__, "sentence"}
        assert "sentence" in schema["required"]


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


def test_the_document_follows_what_is_live(models: Path, settings: Settings):
    def change(manifest: dict[str, Any], _: Any) -> None:
        manifest["title"] = "another"
        manifest["fields"][0]["unit"] = "drops"

    app = create_app(Settings(models_dir=models, var_dir=settings.var_dir))
    client = app.test_client()
    before = client.get("/openapi.json").json
    assert client.get("/openapi.json").json == before
    point_to(models / "wine", rewrite(models, change))
    app.extensions["registry"].refresh()
    after = client.get("/openapi.json").json
    first = after["components"]["schemas"]["wine.Record"]["properties"]["fixed acidity"]
    assert first["description"].startswith("drops")
    assert first != before["components"]["schemas"]["wine.Record"]["properties"]["fixed acidity"]


def test_the_document_records_nothing_and_uses_a_recorded_id(settings: Settings):
    def named() -> str:
        (answered,) = (
            create_app(settings)
            .test_client()
            .get("/openapi.json")
            .json["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"][
                "example"
            ],
        )
        return answered["id"]

    assert named() != named()  # made up
    assert moved(settings).predictions("wine", limit=9) == []
    sent = predict(create_app(settings).test_client(), wine())
    moved(settings).close()
    assert named() == sent["id"]


def test_the_document_has_the_address_of_its_request(client: FlaskClient):
    result = client.get("/openapi.json", base_url="https://models.example/inner").json
    assert result["servers"] == [{"url": "https://models.example/inner"}]


def test_the_page_loads_nothing_from_elsewhere(client: FlaskClient):
    page = client.get("/docs")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert all(source.startswith(("/", "#")) for source in sources)
    static = [source for source in sources if source.startswith("/static")]
    assert any(source.endswith("/swagger-ui-bundle.js") for source in static)
    for source in static:
        assert client.get(source).status_code == 200


def test_the_collection_is_as_docs_postman_py_makes_it():
    made_now = runpy.run_path(str(ROOT / "docs/postman.py"))["text"]()
    committed = (ROOT / "docs/postman_collection.json").read_text(encoding="utf-8")
    assert json.loads(committed) == json.loads(made_now), "run docs/postman.py"
