"""`adega predict --on`: executors of Spark write the parts that local processes would."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from clusters import PACKAGES, Standalone, executors, scratch, standalone  # noqa: F401 - fixtures
from conftest import BAD, GOOD, MODELS, ROOT, wine
from hosts import running_s3, upload_wine
from pyarrow import parquet
from servers import wait_until

from bench import seaweedfs
from serving.models import artefact
from serving.places.objects import Objects
from serving.scoring.options import Options
from serving.scoring.tasks import Failed, Setup
from serving.spark.origin import Origin
from serving.spark.parts import Order, run

FILES, ROWS = 8, 1_000


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of wines, with ids of their own."""
    folder = tmp_path_factory.mktemp("lake")
    some = [BAD, GOOD, wine(alcohol=15.5), wine(pH=-1.0), wine(color=None), GOOD, BAD, GOOD]
    table = pa.Table.from_pylist(some * (ROWS // len(some)))
    for place in range(FILES):
        ids = pa.array(range(place * ROWS, (place + 1) * ROWS))
        parquet.write_table(table.add_column(0, "id", ids), folder / f"{place}.parquet")
    return folder


@pytest.fixture(scope="module")
def expected(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the run of local processes writes."""
    folder = tmp_path_factory.mktemp("expected")
    assert predict(lake, folder, "--jobs", "2")[0] == 3
    return contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.glob("*") if each.is_file()}


def start(lake: Path, output: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    """Start the command."""
    command = ["-m", "serving", "predict", "wine", str(lake), "-o", str(output), "--explain", "2"]
    own = {"VAR_DIR": str(Path(output).with_name("var")), **environment}
    return subprocess.Popen(
        [sys.executable, *command, "--json", *options],
        cwd=ROOT,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def predict(
    lake: Path | str, output: Path | str, *options: str, **environment: str
) -> tuple[int, str, str]:
    process = start(lake, output, *options, **environment)
    out, err = process.communicate()
    return process.returncode, out, err


def failure(err: str) -> str:
    """The one sentence of a command that fails; what Spark prints when it starts is apart."""
    assert "\tat " not in err
    assert "Traceback" not in err
    (line,) = [each for each in err.splitlines() if each.startswith("Error: ")]
    return line.removeprefix("Error: ")


def test_a_local_cluster_writes_the_parts_of_local_processes_to_an_object_store(
    lake: Path, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with running_s3(tmp_path) as server:
        for name, value in seaweedfs.environment(server.port).items():
            monkeypatch.setenv(name, value)
        upload_wine("s3://adega/models", tmp_path / "uploader")
        objects = Objects("s3://adega/")
        for file in lake.iterdir():
            objects.replace(f"lake/{file.name}", file.read_bytes())
        code, out, err = predict(
            *("s3://adega/lake/*.parquet", "s3://adega/scored"),
            *("--on", "local-cluster[2,1,1024]"),
            MODELS_URL="s3://adega/models",
            VAR_DIR=str(tmp_path / "var"),
            TMPDIR=str(tmp_path),
        )
        assert code == 3, err
        written = {name: objects.read(f"scored/{name}") for name in expected}
        assert {*objects.list("scored")} == {f"scored/{name}" for name in expected}
    assert written | {"_run.json": b""} == expected | {"_run.json": b""}  # that names the files
    summary = json.loads(out)
    assert (summary["records"], summary["predicted"]) == (FILES * ROWS, FILES * ROWS)
    assert (summary["invalid"], len(summary["first_invalid"])) == (FILES * ROWS // 4, 5)


def test_an_executor_is_killed_and_no_row_is_lost_or_there_twice(
    lake: Path,
    standalone: Standalone,  # noqa: F811
    expected: dict[str, bytes],
    tmp_path: Path,
):
    out = tmp_path / "out"
    process = start(lake, out, "--on", standalone.url)
    wait_until(lambda: any(out.glob("part-*")))
    (killed,) = executors(standalone.workers[0])
    os.kill(killed, signal.SIGKILL)
    printed, err = process.communicate()
    assert process.returncode == 3, err
    assert contents(out) == expected
    assert json.loads(printed)["records"] == FILES * ROWS


def test_a_run_that_was_killed_goes_on_on_this_machine(
    lake: Path,
    standalone: Standalone,  # noqa: F811
    expected: dict[str, bytes],
    tmp_path: Path,
):
    out = tmp_path / "out"
    process = start(lake, out, "--on", standalone.url)
    wait_until(lambda: any(out.glob("part-*")))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not executors(standalone.url) and not executors(standalone.workers[0]))
    kept = {part.name: part.stat().st_ino for part in out.glob("part-*")}
    assert len(kept) < FILES
    code, printed, err = predict(lake, out, "--jobs", "2")
    assert code == 3, err
    assert json.loads(printed)["found"] >= len(kept)
    assert kept.items() <= {part.name: part.stat().st_ino for part in out.glob("part-*")}.items()
    assert contents(out) == expected


def test_a_file_that_cannot_be_read_is_named_in_one_sentence(tmp_path: Path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.parquet").write_bytes(b"PAR1 is how it begins")
    code, _, err = predict(tmp_path / "in", tmp_path / "out", "--on", "local[1]")
    assert code == 1
    assert failure(err).startswith(f"{tmp_path}/in/a.parquet: ")


def test_executors_that_lack_what_they_need_are_reported_in_one_sentence(
    lake: Path, tmp_path: Path
):
    python = str(PACKAGES.parents[2] / "bin/python")
    code, _, err = predict(lake, tmp_path / "out", "--on", "local[1]", PYSPARK_PYTHON=python)
    assert code == 1
    lacking = "cannot load Adega: No module named 'msgspec'; install Adega"
    assert lacking in failure(err)
    assert failure(err).startswith("Spark has given up: the executor on ")


@pytest.mark.parametrize(
    ("master", "message"),
    [
        ("spark://127.0.0.1:1,127.0.0.1:2", "cannot be reached: 127.0.0.1:1: Connection refused; "),
        ("spark://127.0.0.1", "cannot be reached"),
        ("127.0.0.1:7077", "is no master of Spark; write spark://HOST:7077"),
        ("sc://127.0.0.1", "Spark Connect takes DataFrames alone"),
    ],
)
def test_a_master_that_is_none_is_refused(tmp_path: Path, master: str, message: str):
    parquet.write_table(pa.Table.from_pylist([GOOD]), tmp_path / "a.parquet")
    code, _, err = predict(tmp_path / "a.parquet", tmp_path / "out", "--on", master)
    assert code == 1
    assert message in failure(err)


def test_an_executor_that_finds_another_folder_at_the_path_of_the_output_ends_the_run(
    tmp_path: Path,
):
    read = artefact.read(MODELS, "wine", 1)
    origin = Origin("wine", 1, read.manifest.sha256)
    setup = Setup("wine", 1, Options(samples=4), str(tmp_path))
    order = msgspec.json.encode(Order(origin, setup, "0" * 64))
    ((place, content),) = run(order, iter([(7, b"")]))
    event: Any = msgspec.json.decode(content, type=Failed)
    assert place == 7
    assert "is not the folder of this run; name one in an object store" in event.message
