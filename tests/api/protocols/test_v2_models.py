"""What V2 reports of the service and its models, and its repository."""

import pytest
from conftest import wine
from deciding import KEY
from flask.testing import FlaskClient
from tensors import INFER, OUTPUTS, columns, error, infer, outputs, wanted

from app import create_app
from serving.settings import Settings


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/none", 404),
        ("POST", "/v2/models/none/infer", 404),
        ("GET", "/v2/models/wine/versions/9", 404),
        ("GET", "/v2/models/wine/config", 404),
        ("GET", INFER, 405),
    ],
)
def test_errors_of_every_kind_have_a_text(client: FlaskClient, method: str, path: str, status: int):
    assert error(client.open(path, method=method), status)


def test_metadata_name_every_input_and_output(client: FlaskClient):
    found = client.get("/v2/models/wine").json
    assert [each["name"] for each in found["inputs"]] == [*wine()]
    assert (found["inputs"][0]["datatype"], found["inputs"][-1]["datatype"]) == ("FP64", "BYTES")
    assert found["versions"] == ["1"]
    names = [each["name"] for each in found["outputs"]]
    assert names == [*OUTPUTS, "explanation"]
    assert outputs(infer(client, columns(wine()), outputs=wanted(*names))).keys() == {*names}
    assert client.get("/v2/models/wine/versions/1").json == found
    score = client.get("/v2/models/wine-score").json
    assert [each["name"] for each in score["outputs"]] == ["predict", "low", "high", *names[2:]]


def test_health_is_in_the_body_as_kserve_reads_it(client: FlaskClient):
    assert client.get("/v2/health/live").json == {"live": True}
    assert client.get("/v2/health/ready").json == {"ready": True}
    assert client.get("/v2/models/wine/ready").json == {"name": "wine", "ready": True}
    assert client.get("/v2/models/wine/versions/1/ready").status_code == 200
    assert "binary_tensor_data" in client.get("/v2").json["extensions"]
    assert {*client.get("/v2/models").json["models"]} == {"wine", "wine-score", "diabetes"}


def test_the_repository_is_listed_and_decided_on_by_admins(settings: Settings):
    keyed = Settings(var_dir=settings.var_dir, admin_keys=f"ana:{KEY}")
    client = create_app(keyed).test_client()
    listed = client.post("/v2/repository/index").json
    assert listed == client.post("/v2/repository/index", json={"ready": True}).json
    expected = {"name": "wine", "version": "1", "state": "READY", "reason": ""}
    assert expected in listed
    load, admin = "/v2/repository/models/wine/load", {"Authorization": f"Bearer {KEY}"}
    assert error(client.post(load), 401)
    assert client.post(load, headers=admin).status_code == 200
    assert error(client.post("/v2/repository/models/none/load", headers=admin), 404)
    assert error(client.post(load, headers=admin, data=b"\t"))
    remote = {"parameters": {"config": "{}", "file:1/model.onnx": "AAAA"}}
    assert '"config", "file:1/model.onnx"' in error(client.post(load, headers=admin, json=remote))
    unload = client.post("/v2/repository/models/wine/unload", headers=admin)
    assert "is live" in error(unload, 409)
