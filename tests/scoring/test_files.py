"""`adega predict` with Parquet: files, folders and globs in, a folder of parts out."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest
from click.testing import CliRunner, Result
from conftest import BAD, GOOD, ROOT, rewrite, wine
from flask.testing import FlaskClient
from pyarrow import parquet
from servers import wait_until
from streams import AS_CSV, read_table, table

from serving import display
from serving.__main__ import main
from serving.commands import predict_files

pytestmark = pytest.mark.slow

Run = Callable[..., Result]

RECORDS = [GOOD, BAD, wine(alcohol=15.5), wine(pH=-1.0), wine(alcohol=9.25), wine(color=None)]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    own = {"VAR_DIR": str(tmp_path / "var")}

    def invoke(*arguments: str, **environment: str) -> Result:
        return CliRunner(env=own | environment).invoke(main, ["predict", "wine", *arguments])

    return invoke


def write(file: Path, records: list[dict[str, Any]] | None = None, **options: Any) -> Path:
    """Write records as a file of Parquet."""
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(
        pa.Table.from_pylist(RECORDS if records is None else records), file, **options
    )
    return file


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Read all parts, in their order."""
    parts = [parquet.read_table(part) for part in sorted(folder.glob("part-*.parquet"))]
    return [row for part in parts for row in part.to_pylist()]


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


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


def test_any_number_of_processes_writes_the_same_bytes(run: Run, tmp_path: Path):
    for place in range(5):
        write(tmp_path / "in" / f"{place}.parquet", RECORDS * 50, row_group_size=40)
    assert run("in", "-o", "one", "--jobs", "1").exit_code == 3
    assert run("in", "-o", "three", "--jobs", "3").exit_code == 3
    assert contents(tmp_path / "one") == contents(tmp_path / "three")


def test_processes_that_have_nothing_to_do_are_no_failure(run: Run, tmp_path: Path):
    """A file is large, so that many begin, and has too few rows for two."""
    note = os.urandom(2**21).hex()
    write(tmp_path / "rows.parquet", [{**GOOD, "note": note}])
    result = run("rows.parquet", "-o", "out", "--keep", "none", "--jobs", "4")
    assert result.exit_code == 0, result.output


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


def spoil(file: Path) -> None:
    """Damage the pages of a file; its footer is as it was."""
    content = bytearray(file.read_bytes())
    content[4:200] = bytes(196)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["http://example.org/x.parquet"], "files are not read over http; download it"),
        (["s3a://lake/x.parquet"], "none of s3://, gs:// and az://; write s3://"),
        (["hdfs://lake/x.parquet"], "is no path, and none of s3://"),
        (["s3://*/x.parquet"], "names no bucket"),
        (["none/*.parquet"], "none/*.parquet: no file is there"),
        (["none.parquet"], "none.parquet: no file is there"),
        (["empty"], "empty: no file is there"),
        (["text.parquet"], "text.parquet: it begins neither as a file of Parquet"),
        (["half.parquet"], "half.parquet: "),
        (["spoilt.parquet"], "spoilt.parquet: "),
        (["without-ph.parquet"], "without-ph.parquet: pH: has no column"),
        (["lists.parquet"], 'lists.parquet: the column "pH" has values of the type list'),
        (["twice.parquet"], 'the column "pH" is there 2 times'),
        (["predicted.parquet"], 'the column "Prediction" would be there twice'),
        (["other.parquet"], "no column is a field of this model"),
        (["a.parquet", "id.parquet"], 'the column "id" is of the type int64, in'),
        (["id.parquet", "text-id.parquet"], 'the column "id" is of the type string, in'),
    ],
)
def test_what_cannot_be_predicted_is_refused_by_name(
    run: Run, tmp_path: Path, files: list[str], message: str
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("none")
    whole = write(tmp_path / "a.parquet").read_bytes()
    (tmp_path / "half.parquet").write_bytes(whole[: len(whole) // 2])
    spoil(write(tmp_path / "spoilt.parquet"))
    write(tmp_path / "without-ph.parquet", [{n: v for n, v in GOOD.items() if n != "pH"}])
    write(tmp_path / "lists.parquet", [GOOD | {"pH": [3.0]}])
    twice = pa.Table.from_pylist([GOOD])
    parquet.write_table(twice.append_column("pH", pa.array([3.0])), tmp_path / "twice.parquet")
    write(tmp_path / "predicted.parquet", [GOOD | {"Prediction": "bom"}])
    write(tmp_path / "other.parquet", [{"x": 1}])
    write(tmp_path / "id.parquet", [{"id": 1, **GOOD}])
    write(tmp_path / "text-id.parquet", [{"id": "1", **GOOD}])
    result = run(*files, "-o", "out")
    assert result.exit_code == 1, result.output
    assert message in result.stderr.replace(f"{tmp_path}/", "")
    assert not [*(tmp_path / "out").glob("[_p]*[!n]")], "nothing but _run.json is there"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.parquet",), "the output is a folder, of Parquet; name one by -o"),
        (("a.parquet", "-o", "a.parquet"), "the output is a folder, of Parquet"),
        (
            ("a.parquet", "-o", "out", "--to", "csv"),
            "predictions of Parquet and Arrow are written as Parquet",
        ),
        (("a.csv", "b.csv"), "several files, --jobs, --on and --keep are for Parquet and Arrow"),
        (("a.csv", "--jobs", "2"), "for Parquet and Arrow"),
        (("a.csv", "--on", "local[2]"), "for Parquet and Arrow"),
        (
            ("a.parquet", "-o", "out", "--on", "local[2]", "--jobs", "2"),
            "--on has executors predict; leave out one",
        ),
        (("a.parquet", "-o", "out", "--jobs", "0"), "0 is not in the range x>=1"),
    ],
)
def test_wrong_usage_is_explained(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
):
    write(tmp_path / "a.parquet")
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("files", "output"), [("in", "in"), ("in", "in/scored"), ("**/*.parquet", "out"), ("*", ".")]
)
def test_parts_are_not_written_among_the_records(run: Run, tmp_path: Path, files: str, output: str):
    write(tmp_path / "in" / "a.parquet")
    write(tmp_path / "b.parquet")
    result = run(files, "-o", output)
    assert (result.exit_code, "predictions would be taken for records" in result.stderr) == (
        1,
        True,
    )


def test_a_run_is_not_mixed_with_another(run: Run, models: Path, tmp_path: Path):
    own = {"MODELS_DIR": str(models)}
    write(tmp_path / "a.parquet", [GOOD])
    assert run("a.parquet", "-o", "out", **own).exit_code == 0
    before = contents(tmp_path / "out")
    assert rewrite(models, lambda manifest, _: manifest.update(title="another")) == 2
    for arguments, message in {
        ("a.parquet", "--version", "2"): "it is by wine 1, not by wine 2",
        ("a.parquet", "--explain"): "explained is False, not True",
        ("a.parquet", "--keep", "all"): "keep is 'others', not 'all'",
        ("b.parquet",): "b.parquet was added, removed or changed since (2 files in all)",
    }.items():
        write(tmp_path / "b.parquet", [GOOD])
        refused = run(*arguments, "-o", "out", **own)
        assert refused.exit_code == 1
        assert "out has another run: " in refused.stderr
        assert message in refused.stderr.replace(f"{tmp_path}/a.parquet", "b.parquet")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    assert "full has other files" in run("a.parquet", "-o", "full", **own).stderr
    assert contents(tmp_path / "out") == before
    again = run("a.parquet", "-o", "out", "--json", **own)
    summary = json.loads(again.stdout)
    assert (summary["found"], summary["predicted"], summary["records"]) == (1, 0, 1)
    write(tmp_path / "a.parquet", [BAD])
    assert "changed since" in run("a.parquet", "-o", "out", **own).stderr


@pytest.mark.faults
def test_a_run_that_failed_before_its_first_part_is_begun_anew(run: Run, tmp_path: Path):
    write(tmp_path / "a.parquet", [{name: value for name, value in GOOD.items() if name != "pH"}])
    assert "pH: has no column" in run("a.parquet", "-o", "out").stderr
    write(tmp_path / "a.parquet", [GOOD])
    wrong = run("a.parquet", "-o", "out", "--language", "en", "--reasons-for", "none")
    assert (wrong.exit_code, 'does not predict "none"' in wrong.stderr) == (1, True)
    assert {*contents(tmp_path / "out")} == {"_run.json"}
    assert run("a.parquet", "-o", "out").exit_code == 0


def start(folder: Path, *options: str, **given: Any) -> subprocess.Popen[str]:
    """Start the command as a process."""
    command = [sys.executable, "-m", "serving", "predict", "wine", f"{folder}/in", *options]
    variables = {**os.environ, "VAR_DIR": str(folder / "var")}
    return subprocess.Popen(
        [*command, "-o", f"{folder}/out"], cwd=ROOT, env=variables, text=True, **given
    )


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in found for child in each.read_text().split()]


def parts_of(folder: Path) -> set[Path]:
    return {*(folder / "out").glob("part-*.parquet")}


@pytest.mark.faults
@pytest.mark.parametrize("victim", ["run", "process"])
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, victim: str):
    for place in range(8):
        records = [{"id": place, **record} for record in RECORDS * 200]
        write(tmp_path / "in" / f"{place}.parquet", records)
    process = start(tmp_path, "--jobs", "2", "--explain", stderr=subprocess.PIPE)
    wait_until(lambda: len(parts_of(tmp_path)) >= 2)
    workers = children(process.pid)
    assert len(workers) == 2
    os.kill(process.pid if victim == "run" else workers[0], signal.SIGKILL)
    _, printed = process.communicate()
    if victim == "process":
        assert process.returncode == 1
        assert "was killed, perhaps for lack of memory; the same command goes on" in printed
    wait_until(lambda: not any(Path(f"/proc/{each}").exists() for each in workers))
    kept = {part: (part.stat().st_ino, part.read_bytes()) for part in parts_of(tmp_path)}
    assert 2 <= len(kept) < 8
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    assert all(parquet.read_table(part).num_rows == 1200 for part in kept)
    (tmp_path / "out" / ".part-00007.parquet.1").write_bytes(b"half")
    again = start(tmp_path, "--jobs", "2", "--explain", "--json", stdout=subprocess.PIPE)
    summary = json.loads(again.communicate()[0])
    assert again.returncode == 3
    assert (summary["found"], summary["parts"]) == (len(kept), 8)
    assert (summary["records"], summary["invalid"]) == (9600, 3200)
    assert summary["predicted"] == 1200 * (8 - len(kept))
    assert all((part.stat().st_ino, part.read_bytes()) == was for part, was in kept.items())
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [
        place for place in range(8) for _ in range(1200)
    ]
    assert not [*(tmp_path / "out").glob(".*")]


def test_a_terminal_shows_a_bar_with_the_rate(tmp_path: Path):
    for place in range(4):
        write(tmp_path / "in" / f"{place}.parquet", RECORDS * 100)
    ours, theirs = pty.openpty()
    process = start(tmp_path, "--explain", stderr=theirs, stdout=subprocess.DEVNULL)
    assert process.wait() == 3
    os.close(theirs)
    printed = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "rows/s" in printed
    assert "100%" in printed


def test_without_a_terminal_lines_show_the_rate_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(display, "PAUSE", 0.0)
    with predict_files.Progress() as progress:
        progress.begin(2_000_000)
        progress.update(500_000)
    printed = capsys.readouterr().err
    assert printed.startswith("500,000 of 2,000,000 rows, ")
    assert " rows/s, " in printed
    assert printed.endswith(" minutes left\n")


def test_without_pyarrow_the_command_names_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # which makes an import fail
    result = run("a.parquet", "-o", "out")
    assert (result.exit_code, "requirements-parquet.txt" in result.stderr) == (1, True)


def test_without_spark_the_command_names_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyspark", None)
    result = run("a.parquet", "-o", "out", "--on", "local[2]")
    assert (result.exit_code, "requirements-spark.txt" in result.stderr) == (1, True)


BIG = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "serving", "predict", *sys.argv[1:]])
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
"""


@pytest.mark.faults
@pytest.mark.parametrize("shape", ["many rows", "long texts"])
def test_memory_does_not_grow_with_a_row_group(tmp_path: Path, shape: str):
    """A row group of 2.4 million rows, or one whose texts unpack to 2 GB, takes no more."""
    if shape == "many rows":
        records = pa.Table.from_pylist([{"id": 1, **GOOD}] * 60_000)
        whole = pa.concat_tables([records] * 40)
    else:
        long = pa.DictionaryArray.from_arrays([0] * 20_000, ["x" * 100_000])
        whole = pa.Table.from_pylist([GOOD] * 20_000).append_column("id", long)
    parquet.write_table(
        whole, tmp_path / "a.parquet", row_group_size=len(whole), compression="zstd"
    )
    assert parquet.ParquetFile(tmp_path / "a.parquet").num_row_groups == 1
    command = ["wine", str(tmp_path / "a.parquet"), "-o", str(tmp_path / "out"), "--jobs", "1"]
    variables = {**os.environ, "VAR_DIR": str(tmp_path / "var")}
    measured = subprocess.run(
        [sys.executable, "-c", BIG, *command],
        cwd=ROOT, env=variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, megabytes = map(int, measured.stdout.split())
    assert code == 0, measured.stderr
    assert megabytes < 500, f"{megabytes} MB"
