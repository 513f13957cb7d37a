"""Runs of `adega predict` over files of Parquet: processes, those killed, what is shown."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pytest
from click.testing import CliRunner, Result
from conftest import BAD, GOOD, ROOT, rewrite
from pyarrow import parquet
from scored_files import RECORDS, Run, contents, rows_of, write
from servers import wait_until

from serving import display
from serving.__main__ import main
from serving.commands import predict_files

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    own = {"VAR_DIR": str(tmp_path / "var")}

    def invoke(*arguments: str, **environment: str) -> Result:
        return CliRunner(env=own | environment).invoke(main, ["predict", "wine", *arguments])

    return invoke


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
