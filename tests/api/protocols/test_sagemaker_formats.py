"""SageMaker's formats: tables without names, lists, lines of JSON and arrays of NumPy."""

import io
import json
from contextlib import closing

import numpy as np
import pytest
from conftest import moved
from flask.testing import FlaskClient
from invocations import (
    BAD,
    CSV,
    FAULTY,
    GOOD,
    JSON,
    JSON_LINES,
    LINES,
    NAMES,
    NPY,
    NUMBERS,
    PATHS,
    TABLE,
    VALUES,
    array,
    post,
)

from app import create_app
from serving.api.protocols import invocation_formats
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.settings import Settings


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


def test_an_array_has_a_placeholder_for_a_record_with_faults(client: FlaskClient):
    path = "/invocations?faults=inline"
    labels = post(client, FAULTY, path=path, Accept=NPY)
    assert np.load(io.BytesIO(labels.data))[[0, 3]].tolist() == ["bom", "ruim"]
    method = {"X_Amzn_SageMaker_Custom_Attributes": "predict_method=predict_proba"}
    chances = post(client, FAULTY, path=path, Accept=NPY, **method)
    found = np.load(io.BytesIO(chances.data))
    assert found.shape == (4, 2)
    assert np.isnan(found).any(axis=1).tolist() == [False, True, True, False]


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
        (CSV, TABLE.replace(",", "\r", 1), "has 1 cell,"),
    ],
)
def test_what_cannot_be_read_is_a_400_that_names_it(
    client: FlaskClient, kind: str, sent: str | bytes, words: str
):
    refused = post(client, sent, kind)
    assert refused.status_code == 400
    assert words in refused.json["message"]
