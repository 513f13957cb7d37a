"""The API's document: whole, valid, true of what the service answers, and up to date."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, moved, predict, rewrite, wine
from documented import KEY, operations
from flask.testing import FlaskClient
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


@pytest.fixture(scope="module")
def kept_in(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(var_dir=tmp_path_factory.mktemp("var"), admin_keys=f"ana:{KEY}")


@pytest.fixture(scope="module")
def client(kept_in: Settings) -> FlaskClient:
    return create_app(kept_in).test_client()


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> dict[str, Any]:
    return client.get("/openapi.json").json


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
