"""PostgreSQL's tables are divided by time: each row is stored once, and dropped when too old."""

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
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

from bench.postgres import Postgres
from serving import clock, ids
from serving.recording.store import Store
from serving.recording.store.partitions import MAX_PARTITIONS, hours_of_partition


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


def test_rows_of_many_days_are_in_a_partition_of_each_day(store: Store, run: Any):
    entries = [made(MIDNIGHT - day * clock.DAY, 3) for day in range(DAYS)]
    random.Random(1).shuffle(entries)
    for each in entries:
        store.add([each], {})
    assert set(rows_by_partition(run).values()) == {3}
    assert len(rows_by_partition(run)) == DAYS
    assert len(parts(run)) == DAYS + 2  # tomorrow's and the one for other times
    assert set(listed(store)) == {each for entry in entries for each in entry.ids}


def test_a_query_by_id_reads_one_partition(store: Store, run: Any):
    entries = [made(MIDNIGHT - day * clock.DAY - clock.HOUR) for day in range(DAYS)]
    store.add(entries, {})
    for entry in entries[:3]:
        first, last = ids.time_range(entry.ids)
        plan = run(
            "EXPLAIN SELECT * FROM predictions WHERE id = %s AND time BETWEEN %s AND %s",
            [entry.ids[0], first, last],
        )
        assert sum("Scan" in line for (line,) in plan) == 1
        found = store.prediction(entry.ids[0])
        assert found
        assert found[0].id == entry.ids[0]
    assert store.existing([each.ids[0] for each in entries] + ["never"]) == {
        each.ids[0] for each in entries
    }


@pytest.mark.parametrize(
    "time",
    [0, 1, 10**12, NOW + 400 * clock.DAY, 16**11 - 1],
    ids=["zero", "one", "past", "future", "last"],
)
def test_rows_of_a_wrong_clock_are_stored_once_and_make_no_partition(
    store: Store, run: Any, time: int
):
    before = parts(run)
    wrong = with_all(made(time, 2))
    for _ in range(2):
        store.add([*wrong, made(NOW)], {})
    assert rows_by_partition(run)["predictions_other"] == 2
    assert len(parts(run)) == len(before) + 2
    assert len(store.prediction(wrong[0].ids[0])[1]) == 1
    assert store.trial("wine", 2, numbers=False).rows == 2
    assert len(listed(store)) == 4
    store.delete_older(NOW)
    assert (store.prediction(wrong[0].ids[0]) is None) == (time < NOW)


def test_a_host_whose_clock_is_wrong_makes_the_partitions_of_the_present(
    store: Store, run: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clock, "now", lambda: NOW + 5_000 * clock.DAY)
    store.add([made(clock.now()), made(NOW)], {})
    store.add([made(clock.now()), made(NOW)], {})
    assert sorted(rows_by_partition(run).values()) == [2, 2]
    assert len(parts(run)) == 3


@pytest.mark.usefixtures("impatient")
def test_rows_that_came_before_their_partition_are_moved_to_it(store: Store, run: Any, url: str):
    """While somebody reads `other`, no partition can be made."""
    early = with_all(made(NOW, 5))
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM predictions_other, trials_other")
        store.add(early, {})
        assert rows_by_partition(run) == {"predictions_other": 5}
    store.add([*early, made(NOW)], {})
    assert "predictions_other" not in rows_by_partition(run)
    assert "trials_other" not in rows_by_partition(run, "trials")
    assert sum(rows_by_partition(run).values()) == 6
    assert len(listed(store)) == 6


def test_a_table_that_bears_the_name_of_a_partition_stops_no_row(store: Store, run: Any):
    name = f"predictions_{clock.iso(MIDNIGHT)[:10].replace('-', '')}_00"
    run(f"CREATE TABLE {name} AS SELECT 1 AS mine")
    store.add([made(NOW)], {})
    store.add([made(NOW)], {})
    assert rows_by_partition(run) == {"predictions_other": 2}


@pytest.mark.parametrize(("first", "then"), [(1, 30), (30, 1), (7, 365), (365, 7), (0, 2), (2, 0)])
def test_partitions_never_overlap_when_retention_days_changes(
    url: str, run: Any, first: int, then: int
):
    for days in (first, then, first):
        with closing(Store(url, days)) as store:
            store.migrate()
            for day in range(40):
                store.add([made(MIDNIGHT - day * clock.DAY + clock.HOUR)], {})
    assert sum(rows_by_partition(run).values()) == 120
    with closing(Store(url, 1)) as store:
        assert len(listed(store)) == 120


@given(st.integers(1, 100_000))
def test_there_are_few_partitions_however_long_rows_are_kept(days: int):
    hours = hours_of_partition(days)
    assert days * 24 / hours <= MAX_PARTITIONS
    assert 24 % hours == 0 or hours % 24 == 0
    assert hours == 1 or days * 24 / hours > MAX_PARTITIONS / 3
