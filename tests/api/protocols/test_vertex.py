"""Vertex AI: routes from the environment, and one prediction for each instance."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import BAD, GOOD, body, moved, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing
from servers import get, gunicorn, running

from app import create_app
from serving.errors import SettingsError
from serving.settings import Settings

OWN = "/v1/projects/p/locations/l/endpoints/wine:predict"
ROUTE = "/v1/endpoints/12/deployedModels/34:predict"
HEALTH = "/v1/endpoints/12/deployedModels/34"
VARIABLES = {"AIP_PREDICT_ROUTE": ROUTE, "AIP_HEALTH_ROUTE": HEALTH}


@pytest.fixture
def vertex(tmp_path: Path) -> FlaskClient:
    """A service in a container of Vertex AI."""
    variables = {"VAR_DIR": str(tmp_path / "var"), **VARIABLES}
    return create_app(Settings.from_environment(variables)).test_client()


@pytest.mark.parametrize("path", [OWN, ROUTE])
@pytest.mark.parametrize(
    "sent",
    [
        {"instances": [GOOD, BAD]},
        {"instances": [[*GOOD.values()], [*BAD.values()]], "parameters": None},
        {"instances": [{name: [value] for name, value in GOOD.items()}, BAD], "parameters": {}},
    ],
)
def test_each_instance_has_its_prediction(vertex: FlaskClient, path: str, sent: Any):
    response = vertex.post(path, **body(sent))
    assert response.status_code == 200, response.json
    assert response.json["predictions"] == ["bom", "ruim"]
    assert len({*response.json["ids"]}) == 2


def test_parameters_choose_the_method(vertex: FlaskClient):
    own = vertex.post("/predict", **body(GOOD)).json["probabilities"]
    parameters = {"predict_method": "predict_proba", "confidence": 0.5}
    response = vertex.post(ROUTE, **body({"instances": [GOOD], "parameters": parameters})).json
    assert response["predictions"] == [[*own.values()]]
    assert [each["field"] for each in response["warnings"]] == ["confidence"]


def test_whole_numbers_arrive_as_floating_point(vertex: FlaskClient):
    example = vertex.get("/models/wine-score/example").json
    fields = vertex.get("/models/wine-score").json["fields"]
    sent = {
        each["name"]: float(each["categories"].index(example["input"][each["name"]]))
        if each.get("categories")
        else float(example["input"][each["name"]])
        for each in fields
    }
    path = OWN.replace("wine:", "wine-score:")
    response = vertex.post(path, **body({"instances": [sent]})).json
    assert response["predictions"] == [example["prediction"]]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"instances": GOOD}, "the body needs `instances`, an array"),
        ({}, "the body needs `instances`, an array"),
        ({"instances": []}, "the array is empty"),
        (
            {"instances": [{name: [value] * 2 for name, value in GOOD.items()}]},
            "1 instances have 2",
        ),
        ({"instances": [GOOD], "parameters": 3}, "the parameters are 3"),
        ({"instances": [wine(pH="x", alcohol=None)]}, "2 faults in the input"),
    ],
)
def test_what_cannot_be_read_is_a_400_that_names_it(vertex: FlaskClient, sent: Any, words: str):
    refused = vertex.post(ROUTE, **body(sent))
    assert refused.status_code == 400
    assert words in refused.json["error"]["message"]
    assert refused.json["error"]["status"] == "INVALID_ARGUMENT"


def test_health_needs_no_key_and_predictions_do(tmp_path: Path):
    variables = {"VAR_DIR": str(tmp_path / "var"), "API_KEYS": KEYS, **VARIABLES}
    client = create_app(Settings.from_environment(variables)).test_client()
    assert client.get(HEALTH).status_code == 200
    sent = body({"instances": [GOOD]})
    for path in (OWN, ROUTE):
        assert client.post(path, **sent).status_code == 401
        assert client.post(path, **sent, headers=bearing("predict")).status_code == 200
        assert client.post(path, **sent, headers=bearing("shop")).status_code == 403


def test_a_route_of_the_environment_takes_the_place_of_another(tmp_path: Path):
    variables = {"VAR_DIR": str(tmp_path / "var"), "AIP_PREDICT_ROUTE": "/predict"}
    client = create_app(Settings.from_environment(variables)).test_client()
    assert client.post("/predict", **body({"instances": [GOOD]})).json["predictions"] == ["bom"]


def test_predictions_are_recorded(vertex: FlaskClient, tmp_path: Path):
    (id_,) = vertex.post(ROUTE, **body({"instances": [GOOD]})).json["ids"]
    with closing(moved(Settings(var_dir=tmp_path / "var"))) as store:
        assert [each.id for each in store.predictions("wine", limit=9)] == [id_]


@pytest.mark.parametrize("route", ["predict", "/<name>", "/a b"])
def test_a_route_that_is_no_path_stops_the_start(route: str):
    with pytest.raises(SettingsError, match="AIP_PREDICT_ROUTE is not a path"):
        Settings.from_environment({"AIP_PREDICT_ROUTE": route})


def test_the_port_is_that_of_vertex_unless_it_is_set():
    assert Settings.from_environment({"AIP_HTTP_PORT": "8080"}).port == 8080
    assert Settings.from_environment({"AIP_HTTP_PORT": "8080", "PORT": "81"}).port == 81


@pytest.mark.slow
def test_the_server_has_the_routes_of_its_environment(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log", **VARIABLES) as started:
        assert get(started.url + HEALTH) == (200, {"status": "ready"})
