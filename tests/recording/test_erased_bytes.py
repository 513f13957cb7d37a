"""What is erased is gone to the last byte, whatever interrupts it and whoever reads meanwhile."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import body, wine
from entries import ids, predicted
from recorded import MARK, Recorded, about, holding
from servers import free_port

from app import create_app
from bench import postgres as postgresql
from bench.postgres import Postgres
from serving.errors import StoreError
from serving.recording import collector, eraser, erasure
from serving.recording.erasure import Ids, Subject
from serving.recording.store import Store, purging
from serving.settings import Settings


@pytest.fixture
def in_sqlite(tmp_path: Path) -> Iterator[Recorded]:
    made = Recorded(tmp_path, f"sqlite:///{tmp_path}/store.db")
    yield made
    made.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that neither waits for others nor before its next attempt."""
    monkeypatch.setattr(purging, "TRIES", 1)
    monkeypatch.setattr(purging, "PAUSE", 0)
    monkeypatch.setattr(eraser, "RETRY", 0)
    monkeypatch.setattr(eraser, "REST", 0)


def test_nothing_of_it_is_left_in_the_file_of_sqlite(in_sqlite: Recorded, tmp_path: Path):
    for at in range(300):
        in_sqlite.record(*about(MARK, f"{MARK}.{at}"), *about("other", f"o{at}"))
    in_sqlite.collector.attempt()
    assert len(holding(tmp_path)) > 1
    assert in_sqlite.erase(Subject([MARK])).predictions == 300
    assert holding(tmp_path) == []
    assert len(ids(in_sqlite.store)) == 300


def test_a_foreign_file_does_not_stop_the_collector(in_sqlite: Recorded):
    in_sqlite.record(*about(MARK, "a"))
    (in_sqlite.folder / f"0{erasure.SUFFIX}").write_bytes(b"\xff not ours")
    assert in_sqlite.erase(Ids(["a"])).done


def test_what_waits_is_counted_and_its_reason_logged_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(eraser, "RETRY", 0)
    monkeypatch.setattr(eraser, "REST", 0)
    client = create_app(settings).test_client()
    client.post("/predict", **body(wine()))

    def waiting() -> str:
        lines = client.get("/metrics").text.splitlines()
        return next(line for line in lines if line.startswith("serving_erasures_waiting "))

    def fail() -> None:
        raise StoreError("no room")

    erasure.write(settings.journal_dir, "ana", Subject([MARK]))
    with closing(Store(settings.store_url)) as store:
        collecting = collector.Collector(settings.journal_dir, store)
        with monkeypatch.context() as patch:
            patch.setattr(store.erasures, "purge", fail)
            for _ in range(3):
                collecting.attempt()
        assert waiting().endswith(" 1")
        assert caplog.text.count("what is to be erased is not erased yet: no room") == 1
        collecting.attempt()
    assert waiting().endswith(" 0")


@pytest.mark.usefixtures("impatient")
def test_sqlite_is_not_done_while_somebody_reads_its_log(in_sqlite: Recorded, tmp_path: Path):
    in_sqlite.record(*about(MARK, "a"), *about("other", "b"))
    in_sqlite.collector.attempt()
    with closing(sqlite3.connect(tmp_path / "store.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM predictions").fetchone()
        waiting = in_sqlite.erase(Subject([MARK]))
    assert (waiting.done, waiting.predictions) == (None, 1)
    in_sqlite.collector.attempt()
    done = in_sqlite.store.erasures.find(waiting.id)
    assert done
    assert done.done
    assert done.predictions == 1
    assert holding(tmp_path) == []


@pytest.fixture(scope="module")
def tidy(postgres: Postgres) -> Iterator[Postgres]:
    """A server of its own that removes the files of its log, in place of using them again."""
    assert postgres  # a machine without one skips this
    with postgresql.running(free_port()) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET wal_recycle = off")
            admin.execute("SELECT pg_reload_conf()")
        yield server


def test_nothing_of_it_is_left_in_the_data_directory_of_postgresql(tmp_path: Path, tidy: Postgres):
    """Neither in tables and indexes, nor in the statistics, nor in the write-ahead log."""
    url = tidy.new()
    recorded = Recorded(tmp_path, url)
    for at in range(300):
        recorded.record(*about(MARK, f"{MARK}.{at}"), *about("other", f"o{at}"))
    recorded.collector.attempt()
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("ANALYZE")
        other.execute("CHECKPOINT")
        assert len(holding(tidy.data)) > 4
        assert recorded.erase(Subject([MARK])).done
        assert holding(tidy.data) == []
        assert recorded.erase(Ids(ids(recorded.store))).done
        statistics = other.execute("SELECT tablename, most_common_vals::text FROM pg_stats")
        assert "other" not in {quoted for _, quoted in statistics}
    assert holding(tidy.data, '"other"') == []
    recorded.close()


@pytest.mark.usefixtures("impatient")
def test_postgresql_is_not_done_while_an_older_snapshot_sees_the_rows(
    tmp_path: Path, tidy: Postgres
):
    url = tidy.new()
    recorded = Recorded(tmp_path, url)
    recorded.record(*about(MARK, "a"), *about("other", "b"))
    recorded.collector.attempt()
    with psycopg.connect(url) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1 FROM segments")  # it has not even looked at the table
        assert recorded.erase(Subject([MARK])).done is None
    recorded.collector.attempt()
    assert recorded.store.erasures.latest(1)[0].done
    assert holding(tidy.data) == []
    recorded.close()


def test_a_user_without_more_rights_erases_all_but_the_log_of_postgresql(
    tmp_path: Path, tidy: Postgres
):
    with psycopg.connect(tidy.url("postgres"), autocommit=True) as admin:
        admin.execute("CREATE ROLE adega LOGIN")
        admin.execute("CREATE DATABASE own OWNER adega")
    recorded = Recorded(tmp_path, tidy.url("own").replace("postgres@", "adega@"))
    recorded.record(*about(MARK, *(f"{MARK}.{at}" for at in range(300))), *about("other", "b"))
    recorded.collector.attempt()
    with psycopg.connect(tidy.url("own"), autocommit=True) as admin:
        admin.execute("ANALYZE")
        admin.execute("CHECKPOINT")
        assert {path.parent.name for path in holding(tidy.data)} > {"pg_wal"}
        assert recorded.erase(Subject([MARK])).done
        admin.execute("CHECKPOINT")
    assert {path.parent.name for path in holding(tidy.data)} <= {"pg_wal"}
    recorded.close()


STEPS = ("collect", "delete", "purge", "blank", "end", "remove")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_what_is_interrupted_anywhere_is_done_by_the_next_collector(
    in_sqlite: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
):
    """As after a kill: nothing runs after the step, and another process begins anew."""

    class Killed(BaseException):
        pass

    others = {"collect": in_sqlite.collector, "blank": eraser, "remove": erasure}
    owner: Any = others.get(step, in_sqlite.store.erasures)
    in_sqlite.store.migrate()
    in_sqlite.record(*about(MARK, "a"), *about("other", "b"))
    request = erasure.write(in_sqlite.folder, "ana", Subject([MARK]))
    real = getattr(owner, step)

    def killed(*arguments: Any) -> None:
        if after:
            real(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, killed)
        with pytest.raises(Killed):
            in_sqlite.collector.attempt()
    in_sqlite.record(predicted("c", subject=MARK))  # later, about the same person
    begun = in_sqlite.store.erasures.find(request.id)
    in_sqlite.close()
    again = Recorded(tmp_path, f"sqlite:///{tmp_path}/store.db")
    again.collector.attempt()
    assert again.store.erasures.find(request.id).done
    if begun and begun.done:
        assert again.store.erasures.find(request.id) == begun
    if step in {"purge", "end"}:  # by then its part is erased, and what is later is new
        assert sorted(ids(again.store)) == ["b", "c"]
    else:
        assert ids(again.store) == ["b"]
        assert holding(tmp_path) == []
    assert not list(again.folder.glob(f"*{erasure.SUFFIX}"))
    again.close()


def test_a_request_that_was_cut_off_while_it_was_written_is_removed(in_sqlite: Recorded):
    in_sqlite.folder.mkdir()
    (in_sqlite.folder / f"1{erasure.UNFINISHED}").write_text(MARK)
    (in_sqlite.folder / f"2{erasure.UNFINISHED}").write_text("of this moment")
    os.utime(in_sqlite.folder / f"1{erasure.UNFINISHED}", (0, 0))
    in_sqlite.collector.attempt()
    assert [path.stem for path in in_sqlite.folder.glob(f"*{erasure.UNFINISHED}")] == ["2"]
