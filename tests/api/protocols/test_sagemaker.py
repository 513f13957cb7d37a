"""SageMaker's containers and endpoints, through Flask and without it."""

import io
import json
import os
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, body, moved, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing
from servers import get, running

from app import create_app
from serving.api.protocols import invocation_formats
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.settings import Settings

GOOD, BAD = wine(), json.loads((ROOT / "ruim.json").read_text())
PATHS = ("/invocations", "/endpoints/wine/invocations")
VALUES = [[*GOOD.values()], [*BAD.values()]]
TABLE = "\n".join(",".join(map(str, each)) for each in VALUES)
NAMES = ",".join(GOOD)
FIELDS = json.loads((ROOT / "models/wine/1/model.json").read_text())["fields"]
CODES = {label: code for each in FIELDS for code, label in enumerate(each.get("categories", ()))}
NUMBERS = [[CODES.get(each, each) for each in row] for row in VALUES]
LINES = "\n".join(map(json.dumps, (GOOD, BAD)))
JSON, CSV, JSON_LINES, NPY = (
    "application/json",
    "text/csv",
    "application/jsonlines",
    "application/x-npy",
)


def array(values: Any) -> bytes:
    """An array in NumPy's format."""
    file = io.BytesIO()
    np.save(file, np.array(values))
    return file.getvalue()


def post(
    client: FlaskClient,
    sent: str | bytes,
    kind: str | None = CSV,
    path: str = "/invocations",
    **headers: str,
) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, data=sent, content_type=kind, headers=named)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (CSV, TABLE),
        (CSV, TABLE + "\n"),
        ("text/csv; charset=utf-8", TABLE),
        (CSV, TABLE.replace(",", ";")),
        (CSV, TABLE.encode("utf-8-sig")),
        (CSV, TABLE.encode("utf-16")),
        (CSV, "sep=;\n" + TABLE.replace(",", ";")),
        (JSON, json.dumps(VALUES)),
        (JSON, json.dumps([GOOD, BAD])),
        (JSON_LINES, LINES),
        ("application/jsonl", LINES + "\n"),
        (JSON_LINES, "\n".join(map(json.dumps, VALUES))),
        (NPY, array(NUMBERS)),
        (NPY, array(np.array(NUMBERS, np.float32))),
        (NPY, array(np.asfortranarray(NUMBERS))),
        (None, TABLE),
        (None, json.dumps(VALUES)),
        ("application/x-www-form-urlencoded", TABLE),
    ],
)
def test_each_format_is_predicted(
    client: FlaskClient, path: str, kind: str | None, sent: str | bytes
):
    response = post(client, sent, kind, path)
    assert response.status_code == 200, response.json
    assert response.mimetype == JSON
    assert response.json == ["bom", "ruim"]
    assert len({*response.headers["X-Prediction-Ids"].split(",")}) == 2


@pytest.mark.parametrize("dtype", ["<f4", ">f4", ">f8", "<f2", ">f2"])
def test_numbers_are_read_by_their_decimals_in_any_order_of_bytes(settings: Settings, dtype: str):
    client = create_app(settings).test_client()
    sent = np.array([[*NUMBERS[0][:-2], 12.8, *NUMBERS[0][-1:]]], dtype)
    assert post(client, array(sent), NPY).status_code == 200
    with closing(moved(settings)) as store:
        (kept,) = store.predictions("wine", limit=9)
    assert json.loads(bytes(kept.record))["alcohol"] == 12.8


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (CSV, f"{NAMES}\n{TABLE}"),
        (CSV, f"{NAMES}\n{TABLE}".encode("utf-16")),
        (CSV, f"sep=,\n{NAMES}\n{TABLE}"),
        (JSON, json.dumps({"instances": VALUES})),
        (JSON, json.dumps({"dataframe_records": [GOOD, BAD]})),
        (None, json.dumps({"inputs": VALUES})),
    ],
)
def test_names_and_objects_are_answered_with_one(
    client: FlaskClient, path: str, kind: str | None, sent: str | bytes
):
    response = post(client, sent, kind, path).json
    assert response["predictions"] == ["bom", "ruim"]
    assert len(response["ids"]) == 2


@pytest.mark.parametrize(
    ("kind", "sent"),
    [(CSV, TABLE), (CSV, f"{NAMES}\n{TABLE}"), (JSON, json.dumps({"instances": VALUES}))],
)
def test_accept_chooses_the_format_of_the_response(client: FlaskClient, kind: str, sent: str):
    table = post(client, sent, kind, Accept=CSV)
    assert (table.mimetype, table.text) == (CSV, "bom\nruim\n")
    lines = post(client, sent, kind, Accept=JSON_LINES)
    assert lines.mimetype == JSON_LINES
    assert [json.loads(each)["prediction"] for each in lines.text.splitlines()] == ["bom", "ruim"]
    packed = post(client, sent, kind, Accept=NPY)
    assert np.load(io.BytesIO(packed.data)).tolist() == ["bom", "ruim"]
    refused = post(client, sent, kind, Accept="image/png")
    assert (refused.status_code, refused.mimetype) == (406, JSON)


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


@pytest.mark.parametrize(
    ("line", "has_names"),
    [
        ("term,area", True),
        ("id,area,day", True),
        ("12,term", False),
        ("12,rural", False),
        ("12,area\n13,rural", False),
    ],
)
def test_a_label_that_is_the_name_of_a_field_makes_no_line_of_names(line: str, has_names: bool):
    fields = [
        Field(name="term", optional=True),
        Field(name="area", type="category", categories=("term", "area")),
    ]
    rows = "\n1,area" if has_names else ""
    found, _ = invocation_formats.reader(Schema(fields), (line + rows).encode(), CSV)
    assert found is has_names


def lists(first: str, color: str = '"white"') -> str:
    """Two lines with lists, the first with such a value."""
    return "\n".join(f"[{first}, {json.dumps(VALUES[0][1:-1])[1:-1]}, {color}]" for _ in range(2))


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (lists("1e400"), "Infinity is above"),
        (lists("7", '"\\ud800"'), "is none of"),
        (lists("10" + "0" * 400), "Infinity is above"),
        (lists("NaN"), "fixed acidity: null"),
        (lists("{}"), "an object is not a number"),
        ("[1, 2]", "has 2 values; send a list of 12"),
    ],
)
def test_a_list_on_a_line_has_the_faults_of_its_record(client: FlaskClient, sent: str, words: str):
    refused = post(client, sent, JSON_LINES)
    assert refused.status_code == 400
    assert words in refused.json["message"]


def test_lists_and_objects_may_be_on_different_lines(client: FlaskClient):
    sent = "\ufeff" + json.dumps(VALUES[0]) + "\n\n" + json.dumps(BAD)
    assert post(client, sent.encode(), JSON_LINES).json == ["bom", "ruim"]


FAULTY = "\n".join([TABLE.split("\n")[0], "x,y", TABLE.replace("4.4", "high", 1)])


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


def test_an_array_has_a_placeholder_for_a_record_with_faults(client: FlaskClient):
    path = "/invocations?faults=inline"
    labels = post(client, FAULTY, path=path, Accept=NPY)
    assert np.load(io.BytesIO(labels.data))[[0, 3]].tolist() == ["bom", "ruim"]
    method = {"X_Amzn_SageMaker_Custom_Attributes": "predict_method=predict_proba"}
    chances = post(client, FAULTY, path=path, Accept=NPY, **method)
    found = np.load(io.BytesIO(chances.data))
    assert found.shape == (4, 2)
    assert np.isnan(found).any(axis=1).tolist() == [False, True, True, False]


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


@pytest.mark.parametrize(
    ("kind", "sent", "words"),
    [
        (JSON, "[[1, 2]]", "has 2 values"),
        (JSON, "[", "the body is not JSON"),
        (JSON, "", "the body is empty"),
        (NPY, b"no array", "no array in NumPy's format"),
        (NPY, array(NUMBERS)[:-8], "needs 192"),
        (NPY, array(NUMBERS[:1]).replace(b"(1, 12), ", b"(True,12)"), "(True, 12)"),
        (
            NPY,
            array(NUMBERS)[:-192].replace(
                b"(2, 12)" + b", }" + b" " * 20, b"(0," + b"9" * 24 + b"),}"
            ),
            "9)",
        ),
        (NPY, array(NUMBERS).replace(b"), }", b", } "), "no array in NumPy's format"),
        (NPY, array(NUMBERS).replace(b"(2, 12), ", b"(-2,-12),"), "send a matrix"),
        (NPY, array(3.0), "send a matrix"),
        (NPY, array([1.0, 2.0]), "is not a row"),
        (NPY, array([object()]), "an array of object"),
        (NPY, array([[1.0, 2.0]]), "has 2 values"),
        (CSV, "1,2", "has 2 cells"),
        (CSV, f'{TABLE}\n"1,2', "line 3: a quote is opened"),
        (CSV, TABLE.replace(",", "\r", 1), "has 1 cells"),
    ],
)
def test_what_cannot_be_read_is_a_400_that_names_it(
    client: FlaskClient, kind: str, sent: str | bytes, words: str
):
    refused = post(client, sent, kind)
    assert refused.status_code == 400
    assert words in refused.json["message"]


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
