"""What comes late, or again, is written into the file of its prediction or its day."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
from archives import archive_by_hand, id_at, made, rows
from entries import NOON, feedback
from moved import LATER, MORNING, Killed, fill, left

from serving.archive import merging, moving
from serving.archive.changes import Changes
from serving.archive.runs import run
from serving.recording.archive_messages import Run
from serving.recording.store import Store
from serving.recording.store.additions import additions, write


@pytest.fixture
def changes(store: Store, tmp_path: Path) -> Changes:
    return Changes(store, str(tmp_path / "archive"), tmp_path)


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
