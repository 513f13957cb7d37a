"""`adega predict` with Parquet: files, folders and globs in, a folder of parts out."""

import json
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest
from click.testing import CliRunner, Result
from conftest import BAD, GOOD
from flask.testing import FlaskClient
from pyarrow import parquet
from scored_files import RECORDS, Run, contents, rows_of, write
from streams import AS_CSV, read_table, table

from serving.__main__ import main

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    own = {"VAR_DIR": str(tmp_path / "var")}

    def invoke(*arguments: str, **environment: str) -> Result:
        return CliRunner(env=own | environment).invoke(main, ["predict", "wine", *arguments])

    return invoke


def test_predictions_are_those_of_csv(run: Run, client: FlaskClient, tmp_path: Path):
    write(tmp_path / "rows.parquet", row_group_size=2)
    result = run("rows.parquet", "-o", "out", "--jobs", "1", "--json")
    assert result.exit_code == 3, result.output
    response = client.post("/predict?faults=inline", data=table(*RECORDS), **AS_CSV)
    rows = rows_of(tmp_path / "out")
    assert [*rows[0]] == ["prediction", "P(bom)", "P(ruim)", "warnings", "error"]
    for row, expected in zip(rows, read_table(response.text), strict=True):
        assert (row["prediction"] or "") == expected["prediction"]
        assert (row["warnings"] or "") == expected["warnings"]
        assert bool(row["error"]) == bool(expected["error"])
        assert ("" if row["P(bom)"] is None else str(row["P(bom)"])) == expected["P(bom)"]
    summary = json.loads(result.stdout)
    assert (summary["records"], summary["invalid"], summary["with_warnings"]) == (6, 2, 1)
    assert summary["first_invalid"] == [
        f"{tmp_path}/rows.parquet, row group 1, row 1: pH: -1.0 is below 0, the lowest possible",
        f'{tmp_path}/rows.parquet, row group 2, row 1: color: null is none of "red", "white"',
    ]


@pytest.mark.parametrize(
    "options", [("--explain",), ("--explain", "2"), ("--language", "en", "--reasons-for", "bom")]
)
def test_explanations_are_those_of_csv(run: Run, tmp_path: Path, options: tuple[str, ...]):
    write(tmp_path / "rows.parquet")
    (tmp_path / "rows.csv").write_text(table(*RECORDS))
    assert run("rows.parquet", "-o", "out", *options).exit_code == 3
    assert run("rows.csv", "-o", "out.csv", *options).exit_code == 3
    expected = read_table((tmp_path / "out.csv").read_text())
    for row, wanted in zip(rows_of(tmp_path / "out"), expected, strict=True):
        assert [*row] == [*wanted]
        del row["error"], wanted["error"]
        assert {name: "" if value is None else str(value) for name, value in row.items()} == wanted


@pytest.mark.usefixtures("run")
def test_a_number_has_its_interval(tmp_path: Path, client: FlaskClient):
    example = client.get("/models/wine-score/example").json
    write(tmp_path / "rows.parquet", [example["input"]])
    command = ["predict", "wine-score", "rows.parquet", "-o", "out"]
    assert CliRunner(env={"VAR_DIR": str(tmp_path)}).invoke(main, command).exit_code == 0
    (row,) = rows_of(tmp_path / "out")
    assert row["prediction"] == example["prediction"]
    assert (row["low"], row["high"]) == (example["interval"]["low"], example["interval"]["high"])


OWN = ["prediction", "P(bom)", "P(ruim)", "warnings", "error"]


@pytest.mark.parametrize(
    ("keep", "columns"),
    [
        ((), ["id", "tags", *OWN]),
        (("--keep", "others"), ["id", "tags", *OWN]),
        (("--keep", "all"), ["id", *GOOD, "tags", *OWN]),
        (("--keep", "none"), OWN),
    ],
)
def test_columns_of_the_records_are_kept(
    run: Run, tmp_path: Path, keep: tuple[str, ...], columns: list[str]
):
    records = [
        {"id": place, **record, "tags": ["a"] * place} for place, record in enumerate(RECORDS)
    ]
    write(tmp_path / "rows.parquet", records)
    result = run("rows.parquet", "-o", "out", *keep, "--json")
    assert json.loads(result.stdout)["unused"] == ["id", "tags"]
    rows = rows_of(tmp_path / "out")
    assert [*rows[0]] == columns
    for row, record in zip(rows, records, strict=True):
        assert {name: row[name] for name in columns if name not in OWN} == {
            name: record[name] for name in columns if name not in OWN
        }


def test_files_folders_and_globs_are_read_in_the_order_of_their_names(run: Run, tmp_path: Path):
    for place, name in enumerate(["a/1", "a/day=2/2", "a/day=2/_hidden", "a/.3", "b [1]", "c"]):
        write(tmp_path / f"{name}.parquet", [{"id": place, **GOOD}])
    (tmp_path / "a" / "notes.txt").write_text("none")
    for place, (files, ids) in enumerate(
        {
            ("a",): [0, 1],
            ("a/*.parquet",): [0],
            ("c.parquet", "a", "a/1.parquet"): [0, 1, 5],
            ("**/[0-9].parquet",): [0, 1],
            ("b [1].parquet",): [4],
            ("a/day=2/_hidden.parquet",): [2],
            (f"file://{tmp_path}/c.parquet",): [5],
        }.items()
    ):
        result = run(*files, "-o", f"out{place}")
        assert result.exit_code == 0, result.output
        assert [row["id"] for row in rows_of(tmp_path / f"out{place}")] == ids


def test_other_programs_read_the_folder(run: Run, tmp_path: Path):
    for name in ("a", "b"):
        write(tmp_path / "in" / f"{name}.parquet", [{"id": name, **GOOD}, {"id": name, **BAD}])
    assert run("in", "-o", "out").exit_code == 0
    out = tmp_path / "out"
    names = {"_run.json", "_SUCCESS", "part-00000.parquet", "part-00001.parquet"}
    assert {*contents(out)} == names
    expected = [("a", "bom"), ("a", "ruim"), ("b", "bom"), ("b", "ruim")]
    read = pl.read_parquet(out / "*.parquet").select("id", "prediction").rows()
    assert read == expected
    query = f"SELECT id, prediction FROM '{out}/*.parquet' ORDER BY ALL"
    assert duckdb.sql(query).fetchall() == expected
    whole = pyarrow.dataset.dataset(out, format="parquet").to_table(["id", "prediction"])
    assert [(*row.values(),) for row in whole.to_pylist()] == expected
    assert whole.schema.metadata is None or b"adega.model" in whole.schema.metadata


def test_files_may_have_fields_of_other_types_and_columns_in_another_order(
    run: Run, tmp_path: Path
):
    first = pa.Table.from_pylist([{"id": 1, "day": "x", **GOOD}])
    second = pa.Table.from_pylist([{**GOOD, "day": "y", "id": 2}])
    for name in GOOD:
        if name != "color":
            place = second.schema.get_field_index(name)
            second = second.set_column(place, name, second.column(name).cast(pa.float32()))
    place = second.schema.get_field_index("day")
    second = second.set_column(place, "day", second.column("day").dictionary_encode())
    parquet.write_table(first, tmp_path / "a.parquet")
    parquet.write_table(second, tmp_path / "b.parquet")
    assert run("*.parquet", "-o", "out").exit_code == 0
    one, other = rows_of(tmp_path / "out")
    assert [*one] == [*other]
    assert (one["id"], other["id"], other["day"]) == (1, 2, "y")
    assert one["P(bom)"] == other["P(bom)"]


def test_files_without_rows_have_a_part_without_rows(run: Run, tmp_path: Path):
    empty = pa.Table.from_pylist([{"id": 1, **GOOD}]).slice(0, 0)
    parquet.write_table(empty, tmp_path / "none.parquet")
    with parquet.ParquetWriter(tmp_path / "no-groups.parquet", empty.schema):
        pass
    assert parquet.ParquetFile(tmp_path / "no-groups.parquet").num_row_groups == 0
    result = run("*.parquet", "-o", "out", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["records"] == 0
    parts = [parquet.read_table(part) for part in (tmp_path / "out").glob("*.parquet")]
    assert [(part.num_rows, part.column_names) for part in parts] == [(0, ["id", *OWN])] * 2
