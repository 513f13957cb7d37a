"""`adega` predicts files as the service does, and speaks to people and to scripts."""

import csv
import gzip
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import (
    FASTEST,
    ROOT,
    rewrite,
    wine,
)
from flask.testing import FlaskClient
from streams import lines, table

from serving.__main__ import main
from serving.formats.batch import MAX_RECORDS

Run = Callable[..., Result]

RECORDS_OF_ALL_KINDS = [
    wine(),
    json.loads((ROOT / "ruim.json").read_text()),
    wine(alcohol=15.5, color=1),
    wine(pH="x", alcohol=-1),
    wine(alcohol=9.25),
]


@pytest.fixture
def run(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    own = {"MODELS_DIR": str(models), "VAR_DIR": str(tmp_path / "var")}

    def invoke(*arguments: str, text: str | bytes | None = None, **environment: str) -> Result:
        return CliRunner(env=own | environment).invoke(main, arguments, input=text)

    return invoke


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".csv.gz", ".ndjson.gz"])
def test_a_file_is_predicted_as_over_http(
    run: Run, client: FlaskClient, tmp_path: Path, suffix: str
):
    is_table = ".csv" in suffix
    sent = (table if is_table else lines)(*RECORDS_OF_ALL_KINDS)
    packed = gzip.compress(sent.encode()) if suffix.endswith(".gz") else sent.encode()
    (tmp_path / f"rows{suffix}").write_bytes(packed)
    result = run("predict", "wine", f"rows{suffix}", "-o", f"out{suffix}")
    assert result.exit_code == 3, result.output
    written = (tmp_path / f"out{suffix}").read_bytes()
    text = (gzip.decompress(written) if suffix.endswith(".gz") else written).decode()
    media_type = "text/csv" if is_table else "application/jsonl"
    answer = client.post("/predict?faults=inline", data=sent, content_type=media_type).text
    if is_table:
        ours, theirs = (list(csv.DictReader(io.StringIO(each))) for each in (text, answer))
    else:
        ours, theirs = (list(map(json.loads, each.splitlines())) for each in (text, answer))
    for one in theirs:
        one.pop("id", None)
    assert ours == theirs
    assert [*tmp_path.glob(".*")] == []


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("top", ["", "2"])
def test_predictions_of_a_file_are_explained_as_over_http(
    run: Run, client: FlaskClient, suffix: str, top: str
):
    sent = (table if suffix == ".csv" else lines)(*RECORDS_OF_ALL_KINDS)
    given = ["--from", suffix[1:], "--explain", *([top] if top else [])]
    written = run("predict", "wine", "-", *given, text=sent).stdout
    media_type = "text/csv" if suffix == ".csv" else "application/jsonl"
    query = f"faults=inline&explain={top}"
    response = client.post(f"/predict?{query}", data=sent, content_type=media_type).text
    if suffix == ".csv":
        ours, theirs = (list(csv.DictReader(io.StringIO(each))) for each in (written, response))
        assert ours[0]["explanation"] == "probability"
    else:
        ours, theirs = (list(map(json.loads, each.splitlines())) for each in (written, response))
        assert len(ours[0]["explanation"]["contributions"]) == int(top or 12)
    for one in theirs:
        one.pop("id", None)
    assert ours == theirs


def test_a_file_is_explained_in_words_as_over_http(run: Run, client: FlaskClient, tmp_path: Path):
    sent = table(*RECORDS_OF_ALL_KINDS[:2])
    (tmp_path / "rows.csv").write_text(sent)
    options = ["--explain", "2", "--language", "pt", "--reasons-for", "ruim"]
    assert run("predict", "wine", "rows.csv", "-o", "out.csv", *options).exit_code == 0
    query = "explain=2&language=pt&reasons_for=ruim"
    answer = client.post(f"/predict?{query}", data=sent, content_type="text/csv").text
    ours = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    theirs = list(csv.DictReader(io.StringIO(answer)))
    assert [each["reasons"] for each in ours] == [each["reasons"] for each in theirs]
    assert [each["in_words"] for each in ours] == [each["in_words"] for each in theirs]
    assert [bool(each["reasons"]) for each in ours] == [False, True]
    for wrong in (["--reasons-for", "ruim"], ["--language", "pt", "--reasons-for", "x"]):
        refused = run("predict", "wine", "rows.csv", *wrong)
        assert refused.exit_code != 0
        assert "reasons" in refused.output


def test_many_batches_come_out_in_order(run: Run, tmp_path: Path):
    count = 3 * MAX_RECORDS + 7
    records = [wine(alcohol=8 + at % 50 / 10) for at in range(count)]
    (tmp_path / "rows.csv").write_text(table(*records))
    assert run("predict", "wine", "rows.csv", "-o", "out.jsonl").exit_code == 0
    told = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(told) == count
    assert all(one == told[at % 50] for at, one in enumerate(told))


def test_a_pipe_gets_predictions_and_people_the_summary(run: Run):
    rows = table(wine() | {"id": 1}, wine(alcohol=15.5) | {"id": 2})
    result = run("predict", "wine", "-", text=rows)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "prediction,P(bom),P(ruim),warnings,error"
    assert len(result.stdout.splitlines()) == 3
    assert f"2 records by wine 1 ({FASTEST}) in 0." in result.stderr
    assert 'not used, as they are not fields of wine: "id"' in result.stderr
    assert "1 has warnings" in result.stderr
    assert "\x1b" not in result.output


def test_a_script_gets_the_summary_as_json(run: Run, tmp_path: Path):
    (tmp_path / "rows.jsonl").write_text(lines(*RECORDS_OF_ALL_KINDS))
    result = run("predict", "wine", "rows.jsonl", "-o", "out.csv", "--json")
    told = json.loads(result.stdout)
    assert told.pop("seconds") > 0
    assert told == {
        "model": "wine",
        "version": 1,
        "backend": FASTEST,
        "unused": [],
        "sheet": "",
        "other_sheets": [],
        "records": 5,
        "invalid": 1,
        "with_warnings": 1,
    }


def test_a_version_may_be_named(run: Run, models: Path):
    rewrite(models, lambda manifest, _: manifest.update(title="newer"))
    result = run("predict", "wine", "-", "--version", "2", "--from", "jsonl", text=lines(wine()))
    assert json.loads(result.stdout)["version"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("vine", "rows.csv"), 1, "there is no model 'vine'; there are diabetes, wine"),
        (("wine", "rows.csv", "--version", "7"), 1, "wine has no version 7; there are 1"),
        (("wine", "rows.csv", "--version", "0"), 1, "wine has no version 0; there are 1"),
        (("wine", "rows.csv", "--explain", "0"), 2, '"0" is not how many fields to list'),
        (("wine", "nowhere.csv"), 1, "nowhere.csv to -: No such file or directory"),
        (("wine", "rows.csv", "-o", "no/where.csv"), 1, "No such file or directory"),
        (
            ("wine", "rows.json"),
            2,
            "rows.json has a format that is not read; save its records as .csv or .jsonl",
        ),
        (("wine", "late.csv", "-o", "out.csv"), 1, "line 5003: a quote is opened and not closed"),
        (("wine", "header.csv"), 1, "  - line 1, alcohol: has no column"),
        (("wine", "cut.csv.gz", "-o", "out.csv"), 1, "ended before the end-of-stream marker"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_leaves_no_file(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
):
    rows = table(*[wine()] * 5001)
    (tmp_path / "rows.csv").write_text(rows)
    (tmp_path / "late.csv").write_text(rows + '"')
    (tmp_path / "header.csv").write_text(rows.replace("alcohol", "strength"))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(rows.encode())[:-9])
    result = run("predict", *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "out.csv").exists()
    assert [*tmp_path.glob(".*")] == []


def test_versions_are_told_to_a_script_as_over_http(run: Run, client: FlaskClient):
    told = json.loads(run("versions", "wine", "--json").stdout)
    assert told["versions"] == client.get("/models/wine/versions").json["versions"]
    assert told["decisions"] == []


@pytest.mark.parametrize("command", [(), ("predict",), ("versions",), ("promote",), ("doctor",)])
def test_help_teaches_by_example(run: Run, command: tuple[str, ...]):
    told = run(*command, "--help").stdout
    assert "Example" in told
    assert f"adega {' '.join(command)}".strip() in told
    assert max(map(len, told.splitlines())) <= 82


@pytest.mark.parametrize(("environment", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_shows_colour_and_progress(
    tmp_path: Path, environment: dict[str, str], *, is_coloured: bool
):
    (tmp_path / "rows.csv").write_text(table(*[wine()] * 5000, wine(alcohol=-1)))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "serving", "predict", "wine", f"{tmp_path}/rows.csv"]
    variables = {**os.environ, "TERM": "xterm", **environment}
    done = subprocess.run(
        [*command, "-o", f"{tmp_path}/out.csv"], cwd=ROOT, env=variables, stderr=theirs, check=False
    )
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 3
    assert "predicting  [" in shown
    assert "100%" in shown
    assert ("\x1b[31m1 is invalid" in shown) == is_coloured
