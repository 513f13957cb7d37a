"""What `adega predict` refuses of Parquet: files, options and folders, each by its name."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset
import pytest
from click.testing import CliRunner, Result
from conftest import GOOD
from pyarrow import parquet
from scored_files import Run, write

from serving.__main__ import main

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    own = {"VAR_DIR": str(tmp_path / "var")}

    def invoke(*arguments: str, **environment: str) -> Result:
        return CliRunner(env=own | environment).invoke(main, ["predict", "wine", *arguments])

    return invoke


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
