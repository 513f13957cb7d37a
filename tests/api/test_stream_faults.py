"""Faults in CSV and JSON Lines over HTTP: where they are reported, and what is refused whole."""

import json
from typing import Any

import pytest
from conftest import body, wine
from flask.testing import FlaskClient
from streams import AS_CSV, AS_LINES, lines, read_table, table

from app import create_app
from serving.formats.batch import MAX_RECORDS
from serving.settings import Settings


@pytest.mark.parametrize(("faulty", "line"), [(1, 3), (3 * MAX_RECORDS, 3 * MAX_RECORDS + 2)])
def test_a_fault_anywhere_refuses_all_records_and_is_reported_with_its_line(
    settings: Settings, faulty: int, line: int
):
    client = create_app(settings).test_client()
    records = [wine()] * (3 * MAX_RECORDS + 5)
    records[faulty] = wine(alcohol="strong")
    answer = client.post("/predict", data=table(*records), **AS_CSV)
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["errors"] == [
        {
            "record": faulty,
            "line": line,
            "field": "alcohol",
            "message": '"strong" is not a number',
            "value": "strong",
        }
    ]
    assert not [*settings.journal_dir.glob("*.jsonl")]


def test_faults_inline_are_in_the_place_of_predictions_in_an_array_too(client: FlaskClient):
    sent = body([wine(), wine(alcohol=-1, pH="x"), 7, wine(extra=1)])
    result = client.post("/predict?faults=inline", **sent).json
    predictions = result["predictions"]
    assert (result["model"], result["version"]) == ("wine", 1)
    assert [each.get("prediction") for each in predictions] == ["bom", None, None, "bom"]
    fields = [(fault["record"], fault["field"]) for fault in predictions[1]["errors"]]
    assert sorted(fields) == [(1, "alcohol"), (1, "pH")]
    assert predictions[2]["errors"][0]["message"].startswith("7 is not a record")
    assert predictions[3]["warnings"][0]["field"] == "extra"
    assert client.post("/predict?faults=inline", **body([])).status_code == 422
    assert client.post("/predict?faults=never", **body([wine()])).status_code == 400
    assert client.post("/predict?faults=inline", **body(wine(pH="x"))).status_code == 422
    table = client.post("/predict?faults=inline", **sent, headers={"Accept": "text/csv"}).text
    assert [row["prediction"] for row in read_table(table)] == ["bom", "", "", "bom"]


@pytest.mark.parametrize("sent", ["csv", "lines"])
def test_faults_inline_are_in_the_place_of_predictions(client: FlaskClient, sent: str):
    records = [wine(), wine(alcohol=-1, pH="x"), wine()]
    data = {
        "csv": {"data": table(*records), **AS_CSV},
        "lines": {"data": lines(*records), **AS_LINES},
    }
    answer = client.post("/predict?faults=inline", **data[sent])
    assert answer.status_code == 200
    if sent == "csv":
        rows = read_table(answer.text)
        assert [row["prediction"] for row in rows] == ["bom", "", "bom"]
        assert rows[1]["error"].startswith('pH: "x" is not a number; alcohol: -1 is below')
    else:
        result = [json.loads(line) for line in answer.text.splitlines()]
        assert [one.get("prediction") for one in result] == ["bom", None, "bom"]
        assert [(fault["line"], fault["field"]) for fault in result[1]["errors"]] == [
            (2, "pH"),
            (2, "alcohol"),
        ]


def test_many_faults_are_counted_and_the_first_are_listed(client: FlaskClient):
    answer = client.post("/predict", data=table(*[wine(alcohol="x")] * 5000), **AS_CSV)
    assert answer.json is not None
    assert answer.json["detail"] == "5000 faults in the input; the first 100 are listed"
    assert len(answer.json["errors"]) == 100


@pytest.mark.parametrize(
    ("sent", "status", "detail"),
    [
        ({"data": "", **AS_CSV}, 400, "the text is empty"),
        ({"data": "a,b\n1,2\n", **AS_CSV}, 400, "the first line names no field"),
        ({"data": table(wine()).splitlines()[0], **AS_CSV}, 422, "1 fault"),
        ({"data": "\n", **AS_LINES}, 422, "1 fault"),
        ({"query_string": "faults=never", "data": "", **AS_CSV}, 400, "refuse, inline"),
        ({"data": table(wine()) + "x" * 100_000, **AS_CSV}, 413, "larger than 100000 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused(
    settings: Settings, sent: dict[str, Any], status: int, detail: str
):
    bounded = Settings(var_dir=settings.var_dir, max_stream_bytes=100_000)
    answer = create_app(bounded).test_client().post("/predict", **sent)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json is not None
    assert detail in answer.json["detail"]


def test_a_body_that_does_not_fit_on_the_disk_is_refused(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.write", fail)
    answer = client.post("/predict", data=table(wine()), **AS_CSV)
    assert answer.status_code == 503
    assert answer.json["detail"] == "the body cannot be kept in VAR_DIR: No space left on device"


def test_a_table_without_a_content_type_is_refused_with_a_hint(client: FlaskClient):
    as_curl_has_it = "application/x-www-form-urlencoded"
    answer = client.post("/predict", data=table(wine()), content_type=as_curl_has_it)
    assert answer.status_code == 400
    assert answer.json["detail"].endswith("is it CSV? send Content-Type: text/csv")
