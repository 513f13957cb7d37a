"""What is old is moved into files: exactly once, whenever a run is killed."""

import errno
import os
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from archives import made, recorded, rows
from entries import NOON
from moved import LATER, MORNING, SECOND, archived, fill, left

from serving import clock
from serving.archive import merging, moving
from serving.archive.changes import Changes
from serving.archive.runs import count, run
from serving.errors import ArchiveError
from serving.recording.archive_messages import Done, Run
from serving.recording.store import Store


@pytest.fixture
def changes(store: Store, tmp_path: Path) -> Changes:
    return Changes(store, str(tmp_path / "archive"), tmp_path)


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
