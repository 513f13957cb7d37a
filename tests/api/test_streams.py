"""CSV and JSON Lines over HTTP: answered row by row, in the order and the manner they came."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, body, moved, wine
from flask.testing import FlaskClient
from servers import Server, workers
from streams import AS_CSV, AS_LINES, lines, read_table, table

from app import create_app
from serving.errors import JournalError
from serving.formats.batch import MAX_RECORDS
from serving.recording.journal import Journal
from serving.settings import Settings

WINES = [wine(), json.loads((ROOT / "ruim.json").read_text()), wine(alcohol=15.5)]


@pytest.mark.parametrize(
    "path", ["/predict", "/models/wine/predict", "/models/wine/versions/1/predict"]
)
def test_a_table_gets_a_table(client: FlaskClient, path: str):
    answer = client.post(path, data=table(*WINES), **AS_CSV)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    rows = read_table(answer.text)
    assert list(rows[0]) == ["id", "prediction", "P(bom)", "P(ruim)", "warnings", "error"]
    alone = [client.post("/predict", **body(one)).json for one in WINES]
    for row, one in zip(rows, alone, strict=True):
        assert row["prediction"] == one["prediction"]
        for label, probability in one["probabilities"].items():
            assert float(row[f"P({label})"]) == probability
        result = [f"{each['field']}: {each['message']}" for each in one["warnings"]]
        assert (row["warnings"], row["error"]) == ("; ".join(result), "")


def test_a_table_from_a_spreadsheet_gets_one_in_its_own_form(client: FlaskClient):
    text = table(*WINES, comma=";").replace(".", ",")
    answer = client.post("/predict", data=b"\xef\xbb\xbf" + text.encode(), **AS_CSV)
    assert answer.data.startswith(b"\xef\xbb\xbfid;prediction;")
    rows = read_table(answer.data.decode("utf-8-sig"), comma=";")
    alone = client.post("/predict", json=WINES[0]).json
    assert rows[0]["P(bom)"] == str(alone["probabilities"]["bom"]).replace(".", ",")


def test_a_predicted_number_has_the_ends_of_its_interval(client: FlaskClient):
    example = client.get("/models/wine-score/example").json
    answer = client.post("/models/wine-score/predict", data=table(example["input"]), **AS_CSV)
    (row,) = read_table(answer.text)
    assert float(row["prediction"]) == example["prediction"]
    assert float(row["low"]) == example["interval"]["low"]
    assert float(row["high"]) == example["interval"]["high"]


def test_json_lines_get_lines_like_the_prediction_of_one_record(client: FlaskClient):
    answer = client.post("/predict", data=lines(*WINES), **AS_LINES)
    assert (answer.status_code, answer.mimetype) == (200, "application/jsonl")
    result = [json.loads(line) for line in answer.text.splitlines()]
    alone = [client.post("/predict", **body(one)).json for one in WINES]
    for one in (*result, *alone):
        assert one.pop("id").startswith("wine.1.")
    assert result == alone


SENT = {"json": body(WINES), "csv": {"data": table(*WINES), **AS_CSV}}
SENT["lines"] = {"data": lines(*WINES), **AS_LINES}


@pytest.mark.parametrize("sent", SENT)
@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("text/csv", "text/csv"),
        ("application/json", "application/json"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/html, application/jsonl;q=0.5, text/csv;q=0.1", "application/jsonl"),
    ],
)
def test_the_format_of_the_response_is_the_accepted_one(
    client: FlaskClient, sent: str, accept: str, mimetype: str
):
    answer = client.post("/predict", headers={"Accept": accept}, **SENT[sent])
    assert (answer.status_code, answer.mimetype) == (200, mimetype)
    match mimetype:
        case "text/csv":
            labels = [row["prediction"] for row in read_table(answer.text)]
        case "application/json":
            labels = [one["prediction"] for one in answer.json["predictions"]]
        case _:
            labels = [json.loads(line)["prediction"] for line in answer.text.splitlines()]
    assert labels == ["bom", "ruim", "bom"]


def test_unused_columns_are_named_once(client: FlaskClient):
    answer = client.post("/predict", data=table(wine() | {"quality": 6, "maçã": 1}), **AS_CSV)
    assert answer.headers["X-Unused-Columns"] == "quality, ma%C3%A7%C3%A3"


def test_more_records_than_json_may_have_are_recorded_to_the_last(settings: Settings):
    few = Settings(var_dir=settings.var_dir, max_records=10)
    client = create_app(few).test_client()
    count = 2 * MAX_RECORDS + 1
    assert client.post("/predict", **body([wine()] * 11)).status_code == 413
    answer = client.post("/predict", data=lines(*[wine()] * count), **AS_LINES)
    result = [json.loads(line)["id"] for line in answer.text.splitlines()]
    assert len({*result}) == count
    store = moved(few)
    assert all(store.prediction(result[at]) for at in (0, MAX_RECORDS, count - 1))


def test_a_stream_that_must_be_recorded_and_cannot_be_is_not_predicted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    client = create_app(Settings(var_dir=settings.var_dir, journal_required=True)).test_client()
    left = [None, None]
    append = Journal.append

    def fail(self: Journal, entry: Any) -> None:
        if not left:
            raise JournalError("the journal cannot be written: no space")
        left.pop()
        append(self, entry)

    monkeypatch.setattr(Journal, "append", fail)
    with pytest.raises(JournalError):  # which breaks the connection off in the middle
        _ = client.post("/predict", data=lines(*[wine()] * (4 * MAX_RECORDS)), **AS_LINES).data
    assert client.post("/predict", data=lines(wine()), **AS_LINES).status_code == 503


def of_workers(server: Server) -> int:
    """Kilobytes that the workers of a server have for themselves."""
    own = 0
    for pid in workers(server.process.pid):
        result = Path(f"/proc/{pid}/smaps_rollup").read_text()
        own += int(re.findall(r"^Private_Dirty: +(\d+)", result, re.MULTILINE)[0])
    return own


def test_a_stream_takes_no_memory(server: Server, tmp_path: Path):
    full = os.environ.get("FAULTS") == "full"
    few, many = tmp_path / "few.csv", tmp_path / "many.csv"
    records = [wine(alcohol=8 + at % 60 / 10) for at in range(100_000 if full else 10_000)]
    few.write_text(table(*records[: 3 * MAX_RECORDS]))
    many.write_text(table(*records))

    def post(path: Path, *options: str) -> int:
        command = ["curl", "-sSf", "--data-binary", f"@{path}", "-H", "Content-Type: text/csv"]
        command += [*options, f"{server.url}/predict"]
        answer = subprocess.run(command, capture_output=True, check=True)
        return answer.stdout.count(b"\n") - 1

    for _ in range(4):  # until each worker has answered
        assert (
            post(few)
            == post(few, "--compressed", "-H", "Transfer-Encoding: chunked")
            == 3 * MAX_RECORDS
        )
    before = of_workers(server)
    assert post(many) == len(records)
    assert of_workers(server) - before < 12_000  # 100,000 records are 30 MB of text and numbers
