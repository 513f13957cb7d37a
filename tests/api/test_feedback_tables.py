"""Feedback as a CSV or a workbook: what is valid is recorded, the rest is reported by its line."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from conftest import BAD, GOOD, body, moved
from flask.testing import FlaskClient
from keyed import bearing, entry, written
from workbooks import xlsx

from app import create_app
from serving.predicting import feedback_table
from serving.settings import Settings

NEVER = "wine.1.19aa63c2f3c0123456789abcdef"


@pytest.fixture
def asked(settings: Settings) -> tuple[FlaskClient, list[str]]:
    """A service and the ids of five wines; of two in the store, and of three in the journal."""
    client = create_app(settings).test_client()
    sent = [
        client.post("/predict", **body([GOOD, BAD]), headers={"X-Own-ID": "first"}),
    ]
    moved(settings).close()
    sent.append(client.post("/predict", **body([GOOD, BAD, BAD]), headers={"X-Own-ID": "second"}))
    return client, [one["id"] for each in sent for one in each.json["predictions"]]


def send(client: FlaskClient, table: str | bytes, query: str = "", **headers: str) -> Any:
    kind = {"content_type": "text/csv"} | headers
    return client.post(f"/feedback?{query}", data=table, **kind)


def actuals(client: FlaskClient, settings: Settings, ids: list[str]) -> list[Any]:
    moved(settings).close()
    return [client.get(f"/predictions/{each}").json["actual"] for each in ids]


def test_what_is_valid_is_recorded_and_the_rest_reported(
    asked: tuple[FlaskClient, list[str]], settings: Settings
):
    client, ids = asked
    lines = ["id,prediction,actual"]
    lines += [f"{ids[0]},bom,ruim", f"{ids[1]},bom,", f"{ids[2]},bom,good", f"{NEVER},bom,bom"]
    lines += ["nonsense,bom,bom", f"{ids[0]},bom,bom", f"{ids[3]},bom", f" {ids[4]} ,bom, bom "]
    table = "\n".join(lines)
    would_be = send(client, table, "record=false").json
    assert actuals(client, settings, ids) == [None] * 5
    report = send(client, table).json
    assert report == would_be
    assert actuals(client, settings, ids) == ["bom", None, None, None, "bom"]
    problems = report.pop("problems")
    assert report == {
        "columns": ["id", "prediction", "actual"],
        "read": {"id": "id", "own_id": None, "actual": "actual"},
        "rows": 8,
        "recorded": 3,
        "matched": 2,
        "unmatched": 1,
        "refused": 3,
        "repeated": 1,
        "skipped": 1,
        "sheet": "",
    }
    assert [(each["line"], each["kind"], each["actual"]) for each in problems] == [
        (4, "refused", "good"),
        (5, "unmatched", "bom"),
        (6, "refused", "bom"),
        (7, "repeated", "bom"),
        (8, "refused", ""),
    ]
    messages = [each["message"] for each in problems]
    assert 'not a label of this model; send one of "bom", "ruim"' in messages[0]
    assert "line 2 has the same prediction" in messages[3]
    assert "2 cells, the first line has 3" in messages[4]
    unmatched = client.get("/feedback/unmatched").json["count"]
    assert unmatched == 0  # it may still come


@pytest.mark.parametrize("kind", ["utf-8-sig", "utf-16", "xlsx"])
def test_own_ids_are_read_from_the_columns_that_are_named(
    asked: tuple[FlaskClient, list[str]], settings: Settings, kind: str
):
    client, ids = asked
    rows = [["order", "quality"], *([f"second/{at}", "ruim"] for at in range(3)), ["none", "bom"]]
    content = xlsx(rows) if kind == "xlsx" else "\r\n".join(map(";".join, rows)).encode(kind)
    found = send(client, content, "record=false").json
    assert found["columns"] == ["order", "quality"]
    assert found["read"] == {"id": None, "own_id": None, "actual": None}
    refused = send(client, content)
    assert refused.status_code == 400
    assert 'there is no column actual; there are "order", "quality"' in refused.json["detail"]
    report = send(client, content, "own_id=order&actual=Quality&model=wine").json
    assert (report["recorded"], report["matched"], report["unmatched"]) == (3, 3, 1)
    assert report["problems"][0]["message"].startswith("own_id no prediction with the own id")
    assert actuals(client, settings, ids) == [None, None, "ruim", "ruim", "ruim"]


def test_the_csv_of_the_list_can_be_filled_in_and_sent(settings: Settings):
    client = create_app(settings).test_client()
    scored = {name: value for name, value in GOOD.items() if name != "color"}
    made = client.post("/models/wine-score/predict", **body([scored] * 3)).json["predictions"]
    moved(settings).close()
    text = client.get("/models/wine-score/predictions?format=csv&limit=all").text
    rows = [*csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))]
    for row, actual in zip(rows, ("5,125", "7", ""), strict=True):
        row["actual"] = actual
    filled = io.StringIO()
    writer = csv.DictWriter(filled, rows[0].keys(), delimiter=";")  # as spreadsheets in Brazil do
    writer.writeheader()
    writer.writerows(rows)
    report = send(client, filled.getvalue(), "model=wine-score").json
    assert (report["recorded"], report["matched"], report["skipped"]) == (2, 2, 1)
    given = {row["id"]: row["actual"] for row in rows}
    found = actuals(client, settings, [each["id"] for each in made])
    assert found == [{"5,125": 5.125, "7": 7.0, "": None}[given[each["id"]]] for each in made]
    wrong_model = send(client, filled.getvalue(), "model=wine").json
    assert wrong_model["refused"] == 2
    assert 'by "wine-score", not by "wine"' in wrong_model["problems"][0]["message"]


def test_of_a_prediction_in_two_parts_of_a_table_the_last_line_counts(
    asked: tuple[FlaskClient, list[str]], settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feedback_table, "BATCH", 2)
    client, ids = asked
    order = [ids[0], ids[1], ids[0], ids[2], ids[0]]
    lines = [f"{each},{actual}" for each, actual in zip(order, ["ruim", "bom"] * 3, strict=False)]
    report = send(client, "\n".join(["id,actual", *lines, f"{ids[0]},bom"])).json
    assert (report["rows"], report["recorded"], report["repeated"]) == (6, 3, 3)
    assert report["matched"] == 3
    assert actuals(client, settings, ids[:3]) == ["bom", "bom", "bom"]


def test_all_problems_are_a_csv_that_no_spreadsheet_evaluates(
    asked: tuple[FlaskClient, list[str]],
):
    client, _ = asked
    table = "id,actual\n" + "=1+1,bom\n" * 120
    assert len(send(client, table).json["problems"]) == 50
    listed = send(client, table, "record=false", headers={"Accept": "text/csv"})
    assert listed.mimetype == "text/csv"
    rows = [*csv.DictReader(io.StringIO(listed.data.decode("utf-8-sig")))]
    assert [row["line"] for row in rows] == [str(at) for at in range(2, 122)]
    assert {row["id"] for row in rows} == {"'=1+1"}


@pytest.mark.parametrize(
    ("content", "query", "said"),
    [
        (b"", "", "empty"),
        (b"\x89PNG\r\n\x1a\n", "", "a picture (PNG)"),
        (b"id,actual\nwine,bom\n", "actual=truth", "actual='truth': there is no such column"),
        (b"id,actual\nwine,bom\n", "record=no", "record='no' is neither true nor false"),
        (b"id,actual\n", "", "there is no row below the line of names; send at least one"),
        (b"id,actual,actual\na,b,c\n", "", 'several columns are called "actual"; keep one of'),
        (b'id,actual\nwine,"bom\n', "", "a quote is opened and not closed"),
        (b"id,actual\n" + b"a,b\n" * 12, "", "more than 10 rows; send it in parts"),
    ],
)
def test_what_is_no_table_of_feedback_is_refused_with_a_remedy(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, content: bytes, query: str, said: str
):
    monkeypatch.setattr(feedback_table, "MAX_ROWS", 10)
    response = send(client, content, query)
    assert response.status_code in {400, 413}
    assert said in response.json["detail"]


def test_a_key_gives_feedback_to_its_own_models_only(settings: Settings):
    keys = written(
        ours=entry("ours", "predict", "feedback"),
        theirs=entry("theirs", "feedback", models=["diabetes"]),
    )
    client = create_app(replace(settings, api_keys=keys)).test_client()
    made = client.post("/predict", **body(GOOD), headers=bearing("ours"))
    table = f"id,actual\n{made.json['id']},bom\n"
    theirs = client.post(
        "/feedback", data=table, content_type="text/csv", headers=bearing("theirs")
    )
    assert (theirs.json["recorded"], theirs.json["refused"]) == (0, 1)
