"""What is old is moved into files: exactly once, whenever a run is killed."""

import errno
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
from archives import archive_by_hand, id_at, made, recorded, stop_at
from conftest import ROOT
from entries import NOON, feedback
from test_reading import rows

from serving import clock
from serving.archive import merging, moving
from serving.archive.changes import Changes
from serving.archive.runs import count, run
from serving.errors import ArchiveError, StoreError
from serving.recording.archive_messages import Done, Run
from serving.recording.store import Store
from serving.recording.store.additions import additions, write

MORNING = clock.day_of(NOON)
SECOND = MORNING + clock.DAY  # the day of later predictions
LATER = MORNING + 3 * clock.DAY


FULL = os.environ.get("FAULTS") == "full"


class Killed(BaseException):
    """A process ends."""


def end() -> None:
    raise Killed


@pytest.fixture
def changes(store: Store, tmp_path: Path) -> Changes:
    return Changes(store, str(tmp_path / "archive"), tmp_path)


def fill(store: Store) -> list[Any]:
    """Two days and something new, and all that is read of them."""
    store.add(recorded(30, start=NOON), {})
    store.add(recorded(20, start=SECOND, version=2), {})
    store.add(recorded(10, start=LATER), {})
    return rows(store, "")


def archived(changes: Changes) -> list[Any]:
    """What the files have, as another program reads them."""
    pattern = f"{changes.url}/*/*/*.parquet"
    query = "SELECT id FROM read_parquet(?, union_by_name = true) ORDER BY id"
    return [each for (each,) in duckdb.execute(query, [pattern]).fetchall()]


def archived_labels(changes: Changes) -> list[Any]:
    """The feedback that the files have, as another program reads them."""
    query = "SELECT actual_label FROM read_parquet(?) WHERE actual_label IS NOT NULL"
    return [each for (each,) in duckdb.execute(query, [f"{changes.url}/*/*/*"]).fetchall()]


@contextmanager
def stop_in_turn(changes: Changes, number: int) -> Iterator[None]:
    """Have a run end after so many turns."""
    turns, turn = itertools.count(1), changes.turn

    @contextmanager
    def counted() -> Iterator[None]:
        with turn():
            yield
        if next(turns) == number:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "turn", counted)
        yield


def left(store: Store) -> int:
    """How many rows the store has in the tables of predictions."""
    with store._database.reading() as connection:  # noqa: SLF001 - as no face shows it
        return sum(
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("predictions", "feedback", "trials")
        )


def test_old_days_are_moved_and_all_is_read_as_before(store: Store, changes: Changes):
    before = fill(store)
    assert count(changes, Run(LATER)) == {"wine": 50}
    done = run(changes, Run(LATER))
    assert (done.moved, done.files) == ({"wine": 50}, 2)
    names = sorted(str(path.relative_to(changes.url)) for path in Path(changes.url).rglob("*.*"))
    assert [name.rsplit("/", 1)[0] for name in names] == [
        "model=wine/day=2023-11-14",
        "model=wine/day=2023-11-15",
    ]
    assert len(archived(changes)) == 50
    assert len(store.predictions("wine", limit=100)) == 10
    assert left(store) == 10 + 4 + 3
    assert rows(store, changes.url) == before
    assert run(changes, Run(LATER)) == Done()


def test_a_day_is_divided_into_files_that_fit_into_memory(
    store: Store, changes: Changes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(moving, "MAX_ROWS", 7)
    monkeypatch.setattr(moving, "PAGE", 3)
    monkeypatch.setattr(merging, "SMALL", 0)
    before = fill(store)
    assert run(changes, Run(LATER)).files > 6
    assert rows(store, changes.url) == before
    assert archived(changes) == sorted(row["id"] for row in before[10:])


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


def test_all_is_read_once_while_a_run_is_under_way(
    store: Store, store_url: str, changes: Changes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(moving, "MAX_ROWS", 20)
    monkeypatch.setattr(moving, "PAGE", 10)
    monkeypatch.setattr("serving.archive.reading.PAGE", 16)
    store.add(recorded(400, step=100_000, start=MORNING), {})
    before = rows(store, "")
    failed: list[BaseException] = []

    def move() -> None:
        try:
            run(Changes(other, changes.url, Path(changes.url).parent), Run(LATER))
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    other = Store(store_url)
    thread = threading.Thread(target=move)
    thread.start()
    reads = 0
    while thread.is_alive() or reads < 3:
        for newest_first in (True, False):
            found = rows(store, changes.url, newest_first=newest_first)
            assert found == (before if newest_first else before[::-1])
        reads += 1
    thread.join()
    other.close()
    assert not failed
    assert left(store) == 0


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


def test_late_feedback_is_written_into_the_file_of_its_prediction(store: Store, changes: Changes):
    fill(store)
    run(changes, Run(LATER))
    names = [id_at(NOON, 0), id_at(NOON + 1000, 1)]
    store.add([feedback("ruim", *names, id_at(NOON + 500, 77), at=LATER)], {})
    assert store.unmatched(LATER * 2, 10)[0] == 0
    before = rows(store, changes.url)
    done = run(changes, Run(LATER))
    assert done.with_feedback == 1
    assert rows(store, changes.url) == before
    query = "SELECT actual_label FROM read_parquet(?, union_by_name = true) WHERE id IN (?, ?)"
    pattern = f"{changes.url}/*/*/*.parquet"
    assert duckdb.execute(query, [pattern, *names]).fetchall() == [("ruim",)] * 2
    assert store.unmatched(LATER * 2, 10)[0] == 1  # of a prediction that there never was
    assert run(changes, Run(LATER)).with_feedback == 0


def test_feedback_to_what_is_recorded_again_is_kept(store: Store, changes: Changes):
    """As if the journal were read twice, long after the prediction was archived."""
    fill(store)
    run(changes, Run(LATER))
    store.add([made(NOON, 0), feedback("ruim", id_at(NOON, 0), at=LATER)], {})
    before = rows(store, changes.url)
    assert run(changes, Run(LATER)).with_feedback == 1
    assert rows(store, changes.url) == before
    assert left(store) == 10 + 4 + 3


def test_late_feedback_is_not_given_up_where_files_overlap(
    store: Store, changes: Changes, monkeypatch: pytest.MonkeyPatch
):
    """The first file that is looked at lacks the prediction, and the run ends there."""
    monkeypatch.setattr(merging, "SMALL", 0)
    store.add([made(NOON + at * 1_000, at) for at in range(4)], {})
    archive_by_hand(store, changes.url, [id_at(NOON + at * 1_000, at) for at in (0, 3)])
    archive_by_hand(store, changes.url, [id_at(NOON + at * 1_000, at) for at in (1, 2)])
    run(changes, Run(LATER))
    store.add([feedback("ruim", id_at(NOON + 1_000, 1), at=LATER)], {})
    for step in (1, 2, None):
        with suppress(Killed), nullcontext() if step is None else stop_in_turn(changes, step):
            run(changes, Run(LATER))
    assert left(store) == 0
    assert archived_labels(changes) == ["ruim"]


@pytest.mark.slow
def test_feedback_that_is_committed_while_its_prediction_is_moved_is_written_into_the_file(
    postgres: Any, tmp_path: Path
):
    """It was added beside the prediction, in a transaction that ends after the deletion."""
    with closing(Store(postgres.new())) as store, ThreadPoolExecutor() as pool:
        store.migrate()
        store.add([made(NOON, 0)], {})
        changes = Changes(store, str(tmp_path / "archive"), tmp_path)
        with store._database.writing() as connection:  # noqa: SLF001 - as no face waits there
            write(connection, additions([feedback("ruim", id_at(NOON, 0), at=LATER)]), {})
            running = pool.submit(run, changes, Run(LATER))
            while store.predictions("wine", limit=1):
                time.sleep(0.01)
        assert running.result().with_feedback == 1
        assert left(store) == 0
        assert archived_labels(changes) == ["ruim"]


def test_predictions_that_come_late_are_joined_with_those_of_their_day(
    store: Store, changes: Changes
):
    fill(store)
    run(changes, Run(LATER))
    store.add([made(NOON + 500, 99), made(MORNING, 98)], {})
    before = rows(store, changes.url)
    done = run(changes, Run(LATER))
    assert (done.moved, done.files, done.joined) == ({"wine": 2}, 1, 1)
    assert len(store.archived.files()) == 2
    assert rows(store, changes.url) == before


def test_feedback_that_is_sent_again_while_it_is_moved_is_kept(
    store: Store, changes: Changes, monkeypatch: pytest.MonkeyPatch
):
    """Between the last comparison and the deletion."""
    fill(store)
    switch = store.archived.switch

    def later(*args: Any, **others: Any) -> None:
        store.add([feedback("bom", id_at(NOON, 0), at=LATER, request_id="again")], {})
        store.add([feedback("ruim", id_at(NOON + 1000, 1), at=LATER)], {})
        switch(*args, **others)

    monkeypatch.setattr(store.archived, "switch", later)
    next(moving.move(changes, next(moving.days(changes, LATER))))
    monkeypatch.undo()
    found = {row["id"]: row for row in rows(store, changes.url)}
    assert found[id_at(NOON, 0)]["feedback"][0]["request_id"] == "again"
    assert found[id_at(NOON + 1000, 1)]["actual_label"] == "ruim"
    before = rows(store, changes.url)
    assert run(changes, Run(LATER)).with_feedback == 1
    assert rows(store, changes.url) == before


@pytest.mark.parametrize("change", ["lost", "other"])
def test_what_is_not_read_back_as_it_is_stored_is_not_deleted(
    store: Store, changes: Changes, monkeypatch: pytest.MonkeyPatch, change: str
):
    before = fill(store)
    table = moving.make_table

    def wrong(some: Any) -> Any:
        made_of = table(some)
        if change == "lost":
            return made_of.slice(1)
        return made_of.set_column(4, "duration", made_of.column("version").cast("int64"))

    monkeypatch.setattr(moving, "make_table", wrong)
    if change == "lost":  # what is not in the file stays
        run(changes, Run(LATER))
        assert len(store.predictions("wine", limit=100)) == 10 + 2
    else:
        with pytest.raises(ArchiveError, match="change while they are archived; they stay"):
            run(changes, Run(LATER))
    monkeypatch.undo()
    assert rows(store, changes.url) == before
    assert not [*Path(changes.url).rglob("*.parquet")] or change == "lost"


def test_a_full_disk_loses_nothing_and_is_named(
    store: Store, changes: Changes, monkeypatch: pytest.MonkeyPatch
):
    before = fill(store)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("serving.places.places.os.fsync", full)
    with pytest.raises(ArchiveError, match=r"2023-11-14/\w+.parquet: No space left on device"):
        run(changes, Run(LATER))
    monkeypatch.undo()
    assert rows(store, changes.url) == before
    assert not [*Path(changes.url).rglob("*.*")]
    assert run(changes, Run(LATER)).moved == {"wine": 50}
    assert rows(store, changes.url) == before


def test_a_folder_in_which_nothing_can_be_locked_is_named_at_once(store: Store, tmp_path: Path):
    fill(store)
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveError, match=r"file/archive.lock cannot be written: "):
        run(Changes(store, str(tmp_path / "archive"), tmp_path / "file"), Run(LATER))


@pytest.mark.slow
def test_partitions_of_which_all_is_moved_are_dropped(postgres: Any, tmp_path: Path):
    """The others stay, with what another model still has in them."""
    url, day = postgres.new(), clock.day_of(clock.now()) - 9 * clock.DAY
    with closing(Store(url, 30)) as store:
        store.migrate()
        for at in range(6):
            store.add(recorded(5, start=day + at * clock.DAY), {})
        store.add([made(day, 9, model="vinho")], {})
        own = Changes(store, str(tmp_path / "own"), tmp_path)
        before = rows(store, "")
        query = "SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass('predictions')"
        with store._database.reading() as connection:  # noqa: SLF001 - no other face shows it
            partitions = connection.exec_driver_sql(query).scalar_one()
        run(own, Run(day + 4 * clock.DAY, model="wine"))
        with store._database.reading() as connection:  # noqa: SLF001
            assert connection.exec_driver_sql(query).scalar_one() == partitions - 3
        store.add([made(day + clock.DAY, 77)], {})  # which has no partition of its own now
        run(own, Run(day + 4 * clock.DAY))
        with store._database.reading() as connection:  # noqa: SLF001
            assert connection.exec_driver_sql(query).scalar_one() <= partitions - 4
        found = rows(store, own.url)
        assert [row for row in found if not row["id"].endswith("4d")] == before
        assert len(found) == len(before) + 1


def test_one_model_alone_is_moved(store: Store, changes: Changes):
    fill(store)
    store.add([made(NOON, 5, model="vinho"), made(NOON, 6, model="wine.x")], {})
    assert run(changes, Run(LATER, model="vinho")).moved == {"vinho": 1}
    assert run(changes, Run(LATER)).moved == {"wine": 50, "wine.x": 1}


def test_files_that_are_too_old_are_deleted(store: Store, changes: Changes):
    fill(store)
    done = run(changes, Run(LATER, since=SECOND))
    assert done.deleted == 1
    assert {row["version"] for row in rows(store, changes.url)} == {1, 2}
    assert len(archived(changes)) == 20


def test_a_damaged_file_is_not_joined_with_others(store: Store, changes: Changes):
    fill(store)
    run(changes, Run(LATER))
    store.add([made(NOON + 500, 99)], {})
    (file, _) = store.archived.files()
    path = Path(changes.url) / file.name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=f"{file.name} is damaged"):
        run(changes, Run(LATER))
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    assert run(changes, Run(LATER)).joined == 1
