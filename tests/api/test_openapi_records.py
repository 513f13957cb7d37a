"""What the API's document says of records and feedback is what the service takes of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from artefacts import made, put_live
from conftest import body, wine
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi import validate
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from app import create_app
from serving import clock, ids
from serving.api.openapi.structs import simple
from serving.inputs.field import Field
from serving.settings import Settings
from train.tables.rows import to_rows

VALUES: list[Any] = [None, True, False, 0, 1, 2, -1, 0.5, 1e30, "red", "rosé", "7", [], {}]


@pytest.mark.parametrize("field", ["pH", "color"])
def test_the_document_and_the_service_accept_the_same_wines(client: FlaskClient, field: str):
    document = client.get("/openapi.json").json
    agrees(client, document, "wine", [wine() | {field: value} for value in VALUES])


def schema(document: dict[str, Any], name: str) -> Draft202012Validator:
    """What a component takes."""
    pointer = {"$ref": f"#/components/schemas/{name}"}
    return Draft202012Validator(pointer | {"components": document["components"]})


def agrees(client: FlaskClient, document: dict[str, Any], model: str, records: list[Any]) -> None:
    """Both sides of a model's contract say the same of each record."""
    says = schema(document, f"{model}.Record")
    for record in records:
        answered = client.post(f"/models/{model}/predict", **body(record))
        assert says.is_valid(record) == (answered.status_code == 200), record


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service with a model that has every kind of field, and a name that paths must quote."""
    random = np.random.default_rng(1)
    labels = random.choice(["False", "True"], 60)
    frame = pd.DataFrame({"a: b": pd.Series(labels, dtype="str"), "sum": random.random(60)})
    fields = (
        Field(name="a: b", type="category", categories=("False", "True"), optional=True),
        Field(name="sum", minimum=0, maximum=10),
    )
    example = {"a: b": 1, "sum": 2.5}
    rows = to_rows(frame, fields)
    classifier = LogisticRegression().fit(rows, rows[:, 0].astype(int))
    changes = {"fields": fields, "example": example}
    folder = tmp_path_factory.mktemp("odd")
    put_live(folder, made("odd (1)", classifier, frame, **changes))
    regressor = make_pipeline(SimpleImputer(), LinearRegression()).fit(rows, rows[:, 1])
    put_live(folder, made("plain", regressor, frame, **changes))
    settings = Settings(models_dir=folder, default_model="plain", var_dir=folder / "var")
    return create_app(settings).test_client()


def test_odd_names_and_every_kind_of_field_are_described(odd: FlaskClient):
    document = odd.get("/openapi.json").json
    validate(document)
    assert "/models/odd%20%281%29/predict" in document["paths"]
    example = odd.get("/models/odd%20%281%29/example").json["input"]
    named = odd.post("/models/odd%20%281%29/predict", **body(example)).json["id"]
    truth = schema(document, "Feedback")
    for actual, right in (("1", True), (1, True), (2, False), ("x", False)):
        assert truth.is_valid({"id": named, "actual": actual}) == right
        answer = odd.post("/feedback", **body({"id": named, "actual": actual}))
        assert (answer.status_code == 200) == right


@pytest.mark.parametrize("first", ["False", "True", "true", True, False, 0, 1, 2, None, "x"])
def test_the_document_and_the_service_accept_the_same_categories_and_numbers(
    odd: FlaskClient, first: Any
):
    document = odd.get("/openapi.json").json
    records = [
        {"a: b": first, "sum": 1},
        {"a: b": first},
        {"a: b": first, "sum": 1, "one": 1},
        {"sum": 11},
        {"sum": None},
    ]
    agrees(odd, document, "plain", records)


def test_ids_match_the_pattern_of_the_document(client: FlaskClient):
    document = client.get("/openapi.json").json
    of_wine = document["components"]["schemas"]["wine.Feedback"]["properties"]["id"]["pattern"]
    for named in [*ids.make("wine", 3, clock.now(), 1), *ids.make("wine", 3, clock.now(), 2)]:
        assert re.search(of_wine, named)
    assert not re.search(of_wine, ids.make("wines", 3, clock.now(), 1)[0])


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every part of a document."""
    for each in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(each, dict | list):
            yield from parts(each)
    if isinstance(schema, dict):
        yield schema


def test_the_document_has_only_what_generators_of_clients_take(odd: FlaskClient):
    document = odd.get("/openapi.json").json
    for part in parts(document):
        assert len({*map(type, part.get("enum", []))}) < 2
        assert not isinstance(part.get("type"), list)
        assert part.get("items") is not False
        assert part.get("type") != "array" or "items" in part
        assert "prefixItems" not in part
    for path in document["paths"].values():
        assert all("security" in each for name, each in path.items() if name != "parameters")


def test_labels_that_are_alike_as_names_are_numbered_in_generated_clients(tmp_path: Path):
    frame = pd.DataFrame({"x": np.linspace(0, 1, 60)})
    labels = np.where(frame["x"] < 0.5, "<=50K", ">50K")
    model = made("census", LogisticRegression().fit(frame.to_numpy(), labels), frame)
    put_live(tmp_path, model)
    settings = Settings(models_dir=tmp_path, default_model="census", var_dir=tmp_path / "var")
    client = create_app(settings).test_client()
    document = client.get("/openapi.json").json
    described = document["components"]["schemas"]["census.Prediction"]["properties"]
    assert described["prediction"]["x-enum-varnames"] == ["LABEL_0", "LABEL_1"]
    assert "properties" not in described["probabilities"]
    predicted = client.post("/predict", **body({"x": 0.9})).json
    assert schema(document, "census.Prediction").is_valid(predicted)
    del predicted["probabilities"]["<=50K"]
    assert not schema(document, "census.Prediction").is_valid(predicted)


@pytest.mark.parametrize(
    ("written", "described"),
    [
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": ["array", "null"], "items": {"type": "string"}},
            {"anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}]},
        ),
        ({"enum": ["a", None]}, {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]}),
        (
            {"type": "array", "prefixItems": [{"type": "number"}] * 2, "items": False},
            {"type": "array", "items": {"type": "number"}},
        ),
        (
            {"properties": {"enum": {"type": "null"}, "value": {"enum": ["a"]}}},
            {"properties": {"enum": {"const": None}, "value": {"type": "string", "enum": ["a"]}}},
        ),
        ({"example": {"enum": [1, "a"]}}, {"example": {"enum": [1, "a"]}}),
    ],
)
def test_any_schema_is_described_in_words_that_generators_know(written: Any, described: Any):
    assert simple(written) == described
