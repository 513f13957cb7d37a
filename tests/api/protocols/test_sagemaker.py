"""SageMaker's containers and endpoints, through Flask and without it."""

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from conftest import ROOT, body, moved
from flask.testing import FlaskClient
from invocations import (
    BAD,
    CSV,
    FAULTY,
    GOOD,
    JSON,
    JSON_LINES,
    NPY,
    NUMBERS,
    PATHS,
    TABLE,
    VALUES,
    array,
    post,
)
from keyed import KEYS, bearing
from servers import get, running

from app import create_app
from serving.settings import Settings


def test_an_attribute_chooses_the_method(client: FlaskClient):
    own = client.post("/predict", **body(GOOD)).json["probabilities"]
    attributes = {"X_Amzn_SageMaker_Custom_Attributes": "trace=1,predict_method=predict_proba"}
    table = post(client, TABLE, Accept=CSV, **attributes)
    assert [float(each) for each in table.text.splitlines()[0].split(",")] == [*own.values()]
    refused = post(client, TABLE, X_Amzn_SageMaker_Custom_Attributes="predict_method=score")
    assert refused.status_code == 400


def test_attributes_come_back_and_the_variant_is_named(client: FlaskClient):
    response = post(client, TABLE, path=PATHS[1], X_Amzn_SageMaker_Custom_Attributes="c=7; d")
    assert response.headers["X-Amzn-SageMaker-Custom-Attributes"] == "c=7; d"
    assert response.headers["x-Amzn-Invoked-Production-Variant"] == "wine-1"


def test_the_inference_id_is_recorded(settings: Settings):
    client = create_app(settings).test_client()
    response = post(client, TABLE, X_Amzn_SageMaker_Inference_Id="order-17")
    with closing(moved(settings)) as store:
        kept = store.predictions("wine", limit=9)
    assert {each.id for each in kept} == {*response.headers["X-Prediction-Ids"].split(",")}
    assert {each.own_id for each in kept} == {"order-17/0", "order-17/1"}
    assert {each.request_id for each in kept} == {response.headers["X-Request-ID"]}


def test_every_fault_is_reported_with_its_line(client: FlaskClient):
    refused = post(client, FAULTY)
    assert refused.status_code == 400
    assert [(each["record"], each["line"]) for each in refused.json["errors"]] == [(1, 2), (2, 3)]
    assert refused.json["message"].startswith("2 faults in the input: record 1: ")


def test_in_a_batch_each_line_has_a_line(tmp_path: Path):
    variables = {"VAR_DIR": str(tmp_path / "var"), "SAGEMAKER_BATCH": "true"}
    client = create_app(Settings.from_environment(variables)).test_client()
    response = post(client, FAULTY)
    assert (response.status_code, response.mimetype) == (200, CSV)
    first, second, third, last = response.text.splitlines()
    assert (first, last) == ("bom", "ruim")
    assert "error: has 2 cells" in second
    assert "fixed acidity" in third
    lines = post(client, "\n".join([json.dumps(GOOD), "{", json.dumps(BAD)]), JSON_LINES)
    good, broken, bad = map(json.loads, lines.text.splitlines())
    assert (good["prediction"], bad["prediction"]) == ("bom", "ruim")
    assert "not JSON" in broken["errors"][0]["message"]


def test_faults_are_put_inline_where_the_query_wants_them(client: FlaskClient):
    path = "/invocations?faults=inline"
    assert [*map(type, post(client, FAULTY, path=path).json)] == [str, dict, dict, str]
    assert len(post(client, FAULTY, path=path, Accept=CSV).text.splitlines()) == 4


def test_of_many_lines_all_are_predicted_or_none(settings: Settings):
    client = create_app(settings).test_client()
    path, many = "/invocations?faults=inline", f"{TABLE}\nx,y\n" * 700
    refused = post(client, f'{many}"1', path=path)
    assert (refused.status_code, "line 2101" in refused.json["message"]) == (400, True)
    with closing(moved(settings)) as store:
        assert store.predictions("wine", limit=9) == []
    predicted = post(client, many, path=path)
    assert [*map(type, predicted.json)] == [str, str, dict] * 700
    lines = post(client, many, path=path, Accept=CSV).text.splitlines()
    assert lines[:2] + lines[-3:-1] == ["bom", "ruim"] * 2
    assert lines[-1].startswith('"error: ')


def test_another_method_is_refused_in_the_same_form(client: FlaskClient):
    refused = client.put("/invocations")
    assert (refused.status_code, refused.content_type) == (405, JSON)
    assert "allows OPTIONS, POST" in refused.json["error"]


def test_keys_and_limits_hold(settings: Settings):
    limited = Settings(var_dir=settings.var_dir, api_keys=KEYS, max_records=1)
    client = create_app(limited).test_client()
    one = TABLE.split("\n")[0]
    for path in PATHS:
        assert post(client, one, path=path).status_code == 401
        assert post(client, one, path=path, **bearing("read")).status_code == 403
        assert post(client, one, path=path, **bearing("predict")).status_code == 200
        for kind, sent in ((CSV, TABLE), (NPY, array(NUMBERS)), (JSON, json.dumps(VALUES))):
            refused = post(client, sent, kind, path, **bearing("predict"))
            assert (refused.status_code, refused.mimetype) == (413, JSON)


def test_a_batch_transform_learns_how_to_call(client: FlaskClient):
    parameters = client.get("/execution-parameters").json
    assert parameters == {
        "MaxConcurrentTransforms": 2,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 16,
    }


@pytest.mark.slow
def test_a_container_serves_by_its_argument(tmp_path: Path):
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    command = [str(ROOT / "deploy/sagemaker/serve")]
    with running(command, tmp_path / "log", PATH=path) as started:
        assert get(f"{started.url}/ping") == (200, {"status": "ready"})


def test_a_container_listens_where_sagemaker_asks_it_to(tmp_path: Path):
    (tmp_path / "gunicorn").write_text("#!/bin/sh\necho $HOST:$PORT $@\n")
    (tmp_path / "gunicorn").chmod(0o755)
    given = {"AIP_HTTP_PORT": "8500", "SAGEMAKER_BIND_TO_PORT": "9000", "PORT": "81"}
    for names, port in (
        ((), 8080),
        (("SAGEMAKER_BIND_TO_PORT",), 9000),
        (("SAGEMAKER_BIND_TO_PORT", "AIP_HTTP_PORT"), 8500),
        (given, 81),
    ):
        shown = subprocess.run(
            [str(ROOT / "deploy/sagemaker/serve")],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"} | {name: given[name] for name in names},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert shown == f"0.0.0.0:{port} app:app\n"
