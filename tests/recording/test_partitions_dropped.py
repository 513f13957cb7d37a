"""Partitions of what is too old are dropped, and nothing of it is left."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from entries import feedback, predicted
from partitioned import (
    DAYS,
    MIDNIGHT,
    NOW,
    Run,
    hurry,
    listed,
    made,
    parts,
    rows_by_partition,
    running_sql,
    with_all,
)
from recorded import MARK, Recorded

from bench.postgres import Postgres
from serving import clock, ids
from serving.recording.entry import TrialEntry
from serving.recording.erasure import Subject
from serving.recording.store import Store


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url, DAYS)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def run(url: str) -> Iterator[Run]:
    with running_sql(url) as run:
        yield run


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def test_what_is_too_old_is_dropped_with_all_that_belongs_to_it(store: Store, run: Any):
    old = [made(MIDNIGHT - day * clock.DAY - clock.HOUR, 3) for day in (2, 3, 9)]
    new = [made(MIDNIGHT + minute, 2) for minute in (0, 1)]
    late = feedback("ruim", *old[0].ids, at=NOW)
    lost = feedback("bom", ids.make("wine", 1, old[1].time, 1)[0], at=NOW)
    store.add([each for entry in (*old, *new) for each in with_all(entry, 2 * clock.DAY)], {})
    store.add([late, lost], {})
    assert store.delete_older(MIDNIGHT) == 9
    assert set(listed(store)) == {each for entry in new for each in entry.ids}
    assert not {
        name for name in parts(run) if name[-11:-3] < clock.iso(MIDNIGHT)[:10].replace("-", "")
    } - {"predictions_other"}
    left = {each for (each,) in run("SELECT prediction_id FROM feedback")}
    assert left == {*new[0].ids, *new[1].ids, *lost.ids}
    assert {each for (each,) in run("SELECT prediction_id FROM trials")} == {
        *new[0].ids,
        *new[1].ids,
    }
    store.add([late], {})  # for a prediction that is gone
    assert store.unmatched(NOW + 1, 9)[0] == 4
    store.delete_older(MIDNIGHT)
    assert store.unmatched(NOW + 1, 9)[0] == 4
    store.delete_older(NOW + 1)
    assert store.unmatched(NOW + 1, 9)[0] == 0


def test_ids_of_any_form_lose_their_feedback_with_their_partition(store: Store, run: Any):
    names = ["a", "b/c", "wine.1.2", "wine.1.19aa63c2f3c0123456789abcdef", "z" * 200]
    store.add([predicted(*names, time=MIDNIGHT - 2 * clock.DAY)], {})
    store.add([feedback("bom", *names, at=NOW), TrialEntry(NOW, "wine", 2, names, ["bom"] * 5)], {})
    assert store.delete_older(MIDNIGHT) == 5
    assert run("SELECT count(*) FROM feedback") == run("SELECT count(*) FROM trials") == [(0,)]


@pytest.mark.parametrize("since", [0, 1, clock.HOUR, clock.DAY - 1, clock.DAY, clock.DAY + 1])
def test_a_row_is_deleted_at_its_millisecond_wherever_partitions_end(store: Store, since: int):
    start = MIDNIGHT - 5 * clock.DAY
    offsets = [-1, 0, 1, clock.HOUR - 1, clock.HOUR, clock.DAY - 1, clock.DAY, clock.DAY + 1]
    entries = {offset: made(start + offset) for offset in offsets}
    store.add([each for entry in entries.values() for each in with_all(entry)], {})
    gone = [offset for offset in offsets if offset < since]
    assert store.delete_older(start + since) == len(gone)
    assert set(listed(store)) == {
        entry.ids[0] for offset, entry in entries.items() if offset not in gone
    }


@pytest.mark.usefixtures("impatient")
def test_while_others_read_the_rows_are_deleted_and_the_partition_is_dropped_later(
    store: Store, run: Any, url: str
):
    store.add(with_all(made(MIDNIGHT - 3 * clock.DAY, 5)), {})
    before = parts(run)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM predictions")
        assert store.delete_older(MIDNIGHT) == 5
        assert parts(run) == before
    assert listed(store) == []
    assert store.delete_older(MIDNIGHT) == 0
    assert len(parts(run)) == len(before) - 1


def test_several_hosts_may_delete_at_the_same_time(store: Store, run: Any, url: str):
    count = 200
    for day in range(1, 6):
        store.add(with_all(made(MIDNIGHT - day * clock.DAY, count)), {})
    hosts = [Store(url, DAYS) for _ in range(4)]
    with ThreadPoolExecutor(len(hosts)) as pool:
        deleted = list(pool.map(lambda host: host.delete_older(MIDNIGHT), hosts))
    for host in hosts:
        host.close()
    assert sum(deleted) >= 5 * count
    assert rows_by_partition(run) == {}
    assert run("SELECT count(*) FROM feedback") == [(0,)]


def test_nothing_of_it_is_left_in_the_statistics_of_an_emptied_partition(
    url: str, run: Any, tmp_path: Path
):
    recorded = Recorded(tmp_path, url)
    recorded.record(
        made(MIDNIGHT - 60 * clock.DAY, 300, subject=MARK), made(MIDNIGHT, 300, subject="other")
    )
    recorded.collector.attempt()
    run("ANALYZE")
    quoted = "SELECT tablename FROM pg_stats WHERE most_common_vals::text LIKE %s"
    assert len(run(quoted, [f"%{MARK}%"])) == 2
    before = parts(run)
    assert recorded.erase(Subject([MARK])).done
    assert run(quoted, [f"%{MARK}%"]) == []
    assert parts(run) == before
    again = made(MIDNIGHT - 60 * clock.DAY)
    recorded.store.add([again], {})
    assert recorded.store.existing(again.ids) == {*again.ids}
    assert len(rows_by_partition(run)) == 2
    recorded.close()
