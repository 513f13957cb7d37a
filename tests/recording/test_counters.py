"""What processes count adds up, whatever becomes of them and of their files."""

import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from serving.metrics import counters
from serving.metrics.counters import Counters, read

ADD = """
import sys
from pathlib import Path
from serving.metrics.counters import Counters

mine = Counters(Path(sys.argv[1]))
for number in range(1000):
    mine.add([(("all",), 1), (("mine", sys.argv[2]), 2)])
print(flush=True)
sys.stdin.read()
"""
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}


def count(folder: Path, *names: str) -> Counters:
    """Count once each, in files that are left when the result is."""
    mine = Counters(folder)
    mine.add([((name,), 1) for name in names])
    return mine


def test_a_killed_process_loses_no_count(tmp_path: Path):
    for _ in range(2):
        processes = [
            subprocess.Popen([sys.executable, "-c", ADD, tmp_path, number], cwd=ROOT, **PIPES)
            for number in "12"
        ]
        for process in processes:
            process.stdout.readline()
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    assert read(tmp_path) == {("all",): 4000, ("mine", "1"): 4000, ("mine", "2"): 4000}
    # The last two went on in the files of the first.
    assert len(list(tmp_path.iterdir())) == 4


def test_threads_lose_no_count(tmp_path: Path):
    mine = Counters(tmp_path)

    def add() -> None:
        for number in range(2000):
            mine.add([(("all",), 1), ((str(number % 7),), 1)])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(tmp_path)["all",] == 8000
    assert sum(read(tmp_path).values()) == 16_000


@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=20))
def test_any_text_can_be_a_name(tmp_path_factory: pytest.TempPathFactory, names):
    folder = tmp_path_factory.mktemp("metrics")
    mine = Counters(folder)
    mine.add([(name, 1) for name in names])
    assert read(folder) == {name: names.count(name) for name in names}


def test_a_missing_folder_has_no_counts(tmp_path: Path):
    assert read(tmp_path / "none") == {}


@pytest.mark.parametrize("tail", [b'["c', b'["c"]', b"\0\0\0\0\n\0\0", b'["\xff"]\n["c"]\n'])
def test_a_damaged_name_spoils_no_other(tmp_path: Path, tail: bytes):
    count(tmp_path, "a", "b")
    with (tmp_path / "0.names").open("ab") as names:
        names.write(tail)
    assert read(tmp_path) == {("a",): 1, ("b",): 1}
    count(tmp_path, "b", "d")
    assert read(tmp_path) == {("a",): 1, ("b",): 2, ("d",): 1}


def test_the_count_of_a_lost_name_is_reset(tmp_path: Path):
    count(tmp_path, "a", "lost")
    (tmp_path / "0.names").write_bytes(b'["a"]\n')
    count(tmp_path, "new")
    assert read(tmp_path) == {("a",): 1, ("new",): 1}


def test_counts_beyond_the_limit_are_dropped_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(counters, "MAX_COUNTS", 3)
    count(tmp_path, *"abcdea")
    assert read(tmp_path) == {("a",): 2, ("b",): 1, ("c",): 1}
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_folder_that_cannot_be_written_only_loses_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(counters, "PAUSE", 0)
    folder = tmp_path / "taken"
    folder.write_text("by a file")
    mine = count(folder, "a")
    mine.add([(("a",), 1)])
    assert len(caplog.records) == 1
    folder.unlink()
    (folder / "0.counts").mkdir(parents=True)
    mine.add([(("a",), 1)])
    assert len(caplog.records) == 2
    (folder / "0.counts").rmdir()
    mine.add([(("a",), 1)])
    assert read(folder) == {("a",): 1}
    assert len(list(folder.iterdir())) == 2
