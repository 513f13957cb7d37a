"""The API's document shows what key each operation needs, and only models that a key may see."""

import json
from functools import cache
from typing import Any

import pytest
from conftest import body, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing
from openapi import validate

from app import create_app
from serving.settings import Settings


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """One app, whose examples are predicted once, so that its documents stay the same."""
    return create_app(Settings(var_dir=tmp_path_factory.mktemp("var"), api_keys=KEYS)).test_client()


def document(client: FlaskClient, name: str) -> dict[str, Any]:
    response = client.get("/openapi.json", headers=bearing(name))
    validate_text(response.text)
    return response.json


@cache
def validate_text(text: str) -> None:
    """Validate a document; the same one only once, as it takes seconds."""
    validate(json.loads(text))


def needed(found: dict[str, Any], method: str, path: str) -> Any:
    """What an operation needs by each scheme; None if nothing."""
    security = found["paths"][path][method]["security"]
    if not security:
        return None
    assert {scheme for each in security for scheme in each} == {"bearer", "header", "basic"}
    (scopes,) = {tuple(each) for one in security for each in one.values()}
    return scopes


def test_each_operation_has_its_scope(keyed: FlaskClient):
    found = document(keyed, "admin")
    assert needed(found, "post", "/predict") == ("predict",)
    assert needed(found, "post", "/feedback") == ("feedback",)
    assert needed(found, "get", "/models/wine/predictions") == ("read",)
    assert needed(found, "post", "/models/wine/versions") == ("admin",)
    assert needed(found, "get", "/models") == ()
    assert needed(found, "get", "/health/ready") is None
    refusals = found["paths"]["/predict"]["post"]["responses"].keys()
    assert {"401", "403", "429"} <= refusals


@pytest.mark.parametrize(("host", "decisions"), [("127.0.0.1", None), ("0.0.0.0", ("admin",))])
def test_without_keys_only_decisions_need_one_and_only_where_others_reach_the_service(
    settings: Settings, host: str, decisions: tuple[str] | None
):
    client = create_app(Settings(var_dir=settings.var_dir, host=host)).test_client()
    found = client.get("/openapi.json").json
    assert needed(found, "post", "/predict") is None
    assert needed(found, "post", "/models/wine/versions") == decisions


def test_a_key_for_one_model_has_a_document_of_its_own(keyed: FlaskClient):
    own, all_ = document(keyed, "shop"), document(keyed, "read")
    assert {path for path in own["paths"] if path.startswith("/models/")} == {
        path for path in all_["paths"] if path.startswith("/models/diabetes/")
    } | {"/models/diabetes"}
    assert "/predict" in all_["paths"]
    assert "/predict" not in own["paths"]  # the default model is another
    assert document(keyed, "read") == all_  # of which there are two, by then


def test_requests_get_the_errors_that_are_described(keyed: FlaskClient):
    described = document(keyed, "admin")["components"]["responses"]
    for headers, status in (({}, 401), (bearing("read"), 403)):
        answer = keyed.post("/predict", **body(wine()), headers=headers)
        assert answer.status_code == status
        assert answer.mimetype in described[str(status)]["content"]
