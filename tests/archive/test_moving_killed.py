"""A run that is killed, or has lost its turn, loses and doubles nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from archives import archive_by_hand, id_at, made, rows, stop_at
from conftest import ROOT
from entries import NOON, feedback
from moved import LATER, Killed, archived, end, fill, left

from serving.archive import moving
from serving.archive.changes import Changes
from serving.archive.runs import run
from serving.errors import ArchiveError, StoreError
from serving.recording.archive_messages import Run
from serving.recording.store import Store

FULL = os.environ.get("FAULTS") == "full"


@pytest.fixture
def changes(store: Store, tmp_path: Path) -> Changes:
    return Changes(store, str(tmp_path / "archive"), tmp_path)


@pytest.mark.faults
@pytest.mark.parametrize("step", range(0, 60, 1 if FULL else 3))
def test_a_run_that_ends_anywhere_loses_and_doubles_nothing(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
):
    """One with late feedback, small files and rows that are there already, besides new ones."""
    monkeypatch.setattr(moving, "PAGE", 8)
    monkeypatch.setattr("serving.archive.changes.PAGE", 8)
    store = Store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    changes = Changes(store, str(tmp_path / "archive"), tmp_path)
    before = prepare(store, changes)
    try:
        with stop_at(step, end):
            run(changes, Run(LATER))
    except Killed:
        pass
    assert rows(store, changes.url) == before
    changes = Changes(store, changes.url, tmp_path)
    run(changes, Run(LATER))
    assert rows(store, changes.url) == before
    assert archived(changes) == sorted(row["id"] for row in before[10:])
    assert {file.state for file in store.archived.files()} == {"kept"}
    names = {str(path.relative_to(changes.url)) for path in Path(changes.url).rglob("*.*")}
    assert names == {file.name for file in store.archived.files()}
    assert left(store) == 10 + 4 + 3
    store.close()


def prepare(store: Store, changes: Changes) -> list[Any]:
    """Have something of each kind to do; return all that is read."""
    fill(store)
    archive_by_hand(store, changes.url, [id_at(NOON + at * 1000, at) for at in range(5)])
    archive_by_hand(store, changes.url, [id_at(NOON + at * 1000, at) for at in range(5, 9)])
    store.add([made(NOON, 0)], {})  # again, as if the journal were read twice
    store.add([feedback("ruim", id_at(NOON, 0), id_at(NOON + 7000, 7), at=LATER)], {})
    return rows(store, changes.url)


@pytest.mark.faults
@pytest.mark.parametrize("steps", [range(at, 60, 6) for at in range(6 if FULL else 1)])
def test_a_process_that_is_killed_anywhere_loses_and_doubles_nothing(
    store_url: str, tmp_path: Path, steps: range
):
    store = Store(store_url)
    store.migrate()
    changes = Changes(store, str(tmp_path / "archive"), tmp_path)
    before = prepare(store, changes)
    for step in steps:
        arguments = [store_url, changes.url, str(tmp_path), str(LATER), str(step % 17)]
        program = ROOT / "tests" / "support" / "killed_archive.py"
        process = subprocess.run(
            [sys.executable, str(program), *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert rows(store, changes.url) == before
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    run(changes, Run(LATER))
    assert rows(store, changes.url) == before
    assert archived(changes) == sorted(row["id"] for row in before[10:])
    assert left(store) == 10 + 4 + 3
    store.close()


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(10 if FULL else 2))
def test_processes_that_have_lost_their_turn_double_nothing(
    store: Store, store_url: str, changes: Changes, monkeypatch: pytest.MonkeyPatch, seed: int
):
    """As with the connection that holds it: several change the same files at once."""
    monkeypatch.setattr(Changes, "turn", lambda *_, **__: nullcontext())
    monkeypatch.setattr(moving, "MAX_ROWS", 6)
    monkeypatch.setattr(moving, "PAGE", 3)
    before = prepare(store, changes)

    def often(number: int) -> None:
        chance = random.Random(10 * seed + number)
        with closing(Store(store_url)) as own:
            for _ in range(6):
                time.sleep(chance.random() / 20)
                with suppress(ArchiveError, StoreError):
                    run(Changes(own, changes.url, Path(changes.url).parent), Run(LATER))

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(often, number) for number in range(3)]:
            each.result()
    monkeypatch.undo()
    run(changes, Run(LATER))
    assert rows(store, changes.url) == before
    assert archived(changes) == sorted(row["id"] for row in before[10:])
    assert left(store) == 10 + 4 + 3
