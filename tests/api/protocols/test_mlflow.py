"""MLflow's scoring server, through Flask and without it."""

import json
from contextlib import closing
from typing import Any

import pytest
from conftest import BAD, GOOD, body, moved, predict, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing

from app import create_app
from serving import __version__
from serving.settings import Settings

PATHS = ("/invocations", "/serving-endpoints/wine/invocations", "/model/wine/1/invocations")
SPLIT = {"columns": [*GOOD], "data": [[*GOOD.values()], [*BAD.values()]]}
COLUMNS = {name: [GOOD[name], BAD[name]] for name in GOOD}
TABLE = "\n".join(
    [",".join(GOOD), *(",".join(map(str, each.values())) for each in (GOOD, BAD))]
).encode()


def post(client: FlaskClient, sent: Any, path: str = "/invocations", **headers: str) -> Any:
    return client.post(path, **body(sent), headers=headers)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "sent",
    [
        {"dataframe_split": SPLIT},
        {"dataframe_split": SPLIT | {"index": [7, 8]}},
        {"dataframe_split": {"data": SPLIT["data"]}},
        {"dataframe_records": [GOOD, BAD]},
        {"instances": [GOOD, BAD]},
        {"instances": SPLIT["data"]},
        {"inputs": COLUMNS},
        {"inputs": SPLIT["data"]},
        {"inputs": COLUMNS, "params": {}, "client_request_id": "x"},
    ],
)
def test_each_form_of_records_is_predicted(client: FlaskClient, path: str, sent: Any):
    response = post(client, sent, path)
    assert response.status_code == 200, response.json
    assert response.json["predictions"] == ["bom", "ruim"]
    assert response.json["warnings"] == []
    assert len({*response.json["ids"]}) == 2


@pytest.mark.parametrize("kind", ["text/csv", "text/csv; charset=UTF-8", "TEXT/CSV; charset=utf-8"])
def test_a_table_with_names_is_predicted(client: FlaskClient, kind: str):
    response = client.post("/invocations", data=TABLE, content_type=kind)
    assert response.json["predictions"] == ["bom", "ruim"]


def test_the_order_of_columns_does_not_matter(client: FlaskClient):
    turned = {
        "columns": SPLIT["columns"][::-1],
        "data": [each[::-1] for each in SPLIT["data"]],
    }
    assert post(client, {"dataframe_split": turned}).json["predictions"] == ["bom", "ruim"]


def test_a_parameter_chooses_the_method(client: FlaskClient):
    own = predict(client, GOOD)["probabilities"]
    for form in ({"dataframe_records": [GOOD]}, {"dataframe_split": SPLIT}):
        sent = form | {"params": {"predict_method": "predict_proba"}}
        assert post(client, sent).json["predictions"][0] == [*own.values()]


def test_a_parameter_without_a_meaning_is_named(client: FlaskClient):
    sent = {"dataframe_records": [GOOD], "params": {"temperature": 1}}
    (warning,) = post(client, sent).json["warnings"]
    assert (warning["record"], warning["field"]) == (None, "temperature")


def test_a_column_that_is_no_field_is_named(client: FlaskClient):
    names, *lines = TABLE.split(b"\n")
    table = b"\n".join([names + b",hue", *(line + b",1" for line in lines)])
    response = client.post("/invocations", data=table, content_type="text/csv").json
    assert response["predictions"] == ["bom", "ruim"]
    assert [each["field"] for each in response["warnings"]] == ["hue"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"columns": [*GOOD], "data": [[*GOOD.values()]]}, '{"dataframe_split": {"columns"'),
        ({}, "it has none"),
        ({"inputs": [GOOD], "instances": [GOOD]}, "it has instances and inputs"),
        ({"dataframe_split": 3}, "`dataframe_split` is no object"),
        ({"dataframe_split": {"columns": ["alcohol"], "data": [[12]]}}, "pH: is missing"),
        ({"dataframe_split": {"columns": [*GOOD], "data": [[1, 2]]}}, "has 2 values"),
        ({"dataframe_split": {"columns": 3, "data": [[1, 2]]}}, "not an array of names"),
        ({"dataframe_records": []}, "the array is empty"),
        ({"dataframe_records": 3}, "is not an array"),
        ({"inputs": [[1, 2, 3]]}, "has 3 values"),
        ({"inputs": [GOOD], "params": {"predict_method": "score"}}, "it has predict and"),
        ({"inputs": [GOOD], "params": [1]}, "the parameters are an array"),
        (3, "send a JSON object"),
    ],
)
def test_what_cannot_be_read_is_a_400_that_names_it(client: FlaskClient, sent: Any, words: str):
    refused = post(client, sent)
    assert refused.status_code == 400
    assert refused.headers["Content-Type"] == "application/json"
    assert refused.json["error_code"] == "BAD_REQUEST"
    assert words in refused.json["message"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("application/json; format=pandas-split", "before MLflow 2.0"),
        ("application/json; charset=latin-1", "charset=latin-1 is not supported"),
        ("application/xml", "application/xml"),
    ],
)
def test_another_media_type_is_a_415(client: FlaskClient, kind: str, words: str):
    refused = client.post("/invocations", data=b"{}", content_type=kind)
    assert refused.status_code == 415
    assert words in refused.json["message"]


def test_every_fault_is_reported(client: FlaskClient):
    sent = {"dataframe_records": [wine(alcohol="x", pH=None), wine(density="y")]}
    refused = post(client, sent)
    assert [(each["record"], each["field"]) for each in refused.json["errors"]] == [
        (0, "pH"),
        (0, "alcohol"),
        (1, "density"),
    ]
    table = TABLE.replace(b"\n4.4,", b"\nx,")
    refused = client.post("/invocations", data=table, content_type="text/csv")
    assert [(each["line"], each["field"]) for each in refused.json["errors"]] == [
        (2, "fixed acidity")
    ]


def test_nan_is_a_missing_value(client: FlaskClient):
    example = client.get("/models/wine-score/example").json["input"]
    sent = json.dumps({"dataframe_split": {"columns": [*example], "data": [[*example.values()]]}})
    for number in (float("nan"), None):
        changed = [number, *[*example.values()][1:]]
        sent = json.dumps({"dataframe_split": {"columns": [*example], "data": [changed]}})
        refused = client.post(
            "/serving-endpoints/wine-score/invocations", data=sent, content_type="application/json"
        )
        assert [each["field"] for each in refused.json["errors"]] == [next(iter(example))]
        assert refused.json["errors"][0]["value"] is None


@pytest.mark.parametrize("path", ["/ping", "/health"])
def test_health_is_that_of_the_default_model(client: FlaskClient, path: str):
    assert client.get(path).status_code == 200


def test_the_version_is_text(client: FlaskClient):
    assert client.get("/version").text == __version__


def test_keys_are_needed_for_predictions_and_not_for_health(settings: Settings):
    client = create_app(Settings(var_dir=settings.var_dir, api_keys=KEYS)).test_client()
    sent = {"dataframe_records": [GOOD]}
    refused = post(client, sent)
    assert (refused.status_code, refused.json["error_code"]) == (401, "UNAUTHENTICATED")
    assert post(client, sent, **bearing("read")).json["error_code"] == "PERMISSION_DENIED"
    assert post(client, sent, **bearing("predict")).status_code == 200
    assert client.get("/ping").status_code == 200


def test_an_unknown_model_is_a_404(client: FlaskClient):
    refused = post(client, {"dataframe_records": [GOOD]}, "/serving-endpoints/wime/invocations")
    assert (refused.status_code, refused.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_predictions_are_recorded_and_limited(settings: Settings):
    limited = Settings(var_dir=settings.var_dir, max_records=1)
    client = create_app(limited).test_client()
    for sent in ({"dataframe_records": [GOOD, BAD]}, {"inputs": COLUMNS}):
        assert post(client, sent).status_code == 413
    assert client.post("/invocations", data=TABLE, content_type="text/csv").status_code == 413
    (id_,) = post(client, {"inputs": [GOOD]}).json["ids"]
    with closing(moved(settings)) as store:
        assert [each.id for each in store.predictions("wine", limit=9)] == [id_]
