"""Hosts of two releases divide PostgreSQL's tables by time at once, add rows and delete them."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from partitioned import (
    DAYS,
    MIDNIGHT,
    NOW,
    Run,
    listed,
    made,
    parts,
    rows_by_partition,
    running_sql,
    with_all,
)

from bench.postgres import Postgres
from serving import clock
from serving.recording.store import Store
from serving.recording.store.additions import additions, write
from serving.recording.store.database import Database
from serving.recording.store.migrations import migrate
from serving.recording.store.steps import STEPS

BEFORE = tuple(step for step in STEPS if step.name != "partitions by time")


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new()


@pytest.fixture
def run(url: str) -> Iterator[Run]:
    with running_sql(url) as run:
        yield run


def of_before(url: str, *entries: Any) -> None:
    """Add entries as the release before partitions did."""
    with closing(Database(url)) as database:
        with database.writing() as connection:
            migrate(connection, BEFORE)
        with database.writing() as connection:
            write(connection, additions(entries), {})


def test_the_rows_of_before_stay_and_are_recognised_when_they_come_again(url: str, run: Any):
    old = [
        made(NOW - 400 * clock.DAY, 3, own_id="mine", places=[0, 1, 2], subject="ana"),
        made(NOW, 2),
        made(NOW + 900 * clock.DAY),
    ]
    whole = [each for entry in old for each in with_all(entry)]
    of_before(url, *whole)
    run("CREATE ROLE analyst; GRANT SELECT ON predictions TO analyst, PUBLIC")
    before = run("SELECT * FROM predictions ORDER BY id")
    with closing(Store(url, DAYS)) as store:
        store.migrate()
        assert run("SELECT * FROM predictions ORDER BY id") == before
        assert rows_by_partition(run) == {"predictions_first": 5, "predictions_other": 1}
        assert run("SELECT has_table_privilege('analyst', 'predictions', 'SELECT')") == [(True,)]
        tomorrow = made(MIDNIGHT + clock.DAY)
        store.add([*whole, tomorrow], {})
        assert sum(rows_by_partition(run).values()) == 7
        assert len(rows_by_partition(run)) == 3
        assert len(listed(store)) == 7
        assert [len(store.prediction(each.ids[0])[1]) for each in old] == [1, 1, 1]
        assert store.named(["mine/0"])["mine/0"][0] == 1
        assert store.delete_older(NOW) == 3
        assert store.delete_older(MIDNIGHT + clock.DAY) == 2
        assert "predictions_first" not in parts(run)
    run("DROP OWNED BY analyst; DROP ROLE analyst")


@pytest.mark.faults
def test_hosts_that_migrate_at_once_and_a_release_of_before_lose_nothing(url: str, run: Any):
    """As in a rolling update: one host goes on with the release before while others start."""
    of_before(url)
    stop, sent = threading.Event(), []

    def go_on() -> None:
        with closing(Database(url)) as database:
            while not stop.is_set():
                entry = made(clock.now(), 5)
                with database.writing() as connection:
                    write(connection, additions(with_all(entry)), {})
                sent.append(entry)

    def start(number: int) -> None:
        with closing(Store(url, DAYS)) as store:
            store.migrate()
            for at in range(5):
                entry = made(NOW - (number + at) * clock.DAY, 5)
                store.add(with_all(entry), {})
                sent.append(entry)

    with ThreadPoolExecutor(5) as pool:
        old = pool.submit(go_on)
        try:
            for host in [pool.submit(start, number) for number in range(4)]:
                host.result()
        finally:
            stop.set()
        old.result()
    everything = {each for entry in sent for each in entry.ids}
    assert {each for (each,) in run("SELECT id FROM predictions")} == everything
    assert run("SELECT count(*) FROM predictions") == [(len(everything),)]


@pytest.mark.faults
def test_hosts_add_rows_of_all_times_while_others_delete_and_read(url: str, run: Any):
    """Each entry is delivered twice, by different hosts; none that is young enough is missing."""
    since = MIDNIGHT - 3 * clock.DAY
    with closing(Store(url, DAYS)) as store:
        store.migrate()
    chance = random.Random(7)
    times = [
        chance.choice(
            [
                MIDNIGHT - chance.randrange(40) * clock.DAY,
                NOW + chance.randrange(-2, 3) * clock.DAY,
                chance.randrange(16**11),
            ]
        )
        for _ in range(60)
    ]
    entries = [with_all(made(time, 5)) for time in times]
    twice = [*entries, *entries]
    chance.shuffle(twice)
    done = threading.Event()

    def add(share: list[Any]) -> None:
        with closing(Store(url, DAYS)) as store:
            for each in share:
                store.add(each, {})

    def delete() -> None:
        with closing(Store(url, DAYS)) as store:
            while not done.is_set():
                store.delete_older(since)

    def read() -> None:
        with closing(Store(url, DAYS)) as store:
            while not done.is_set():
                found = listed(store, limit=50)
                assert len(found) == len({*found})

    with ThreadPoolExecutor(8) as pool:
        others = [pool.submit(delete), pool.submit(delete), pool.submit(read), pool.submit(read)]
        try:
            for host in [pool.submit(add, twice[at::4]) for at in range(4)]:
                host.result()
        finally:
            done.set()
        for other in others:
            other.result()
    with closing(Store(url, DAYS)) as store:
        store.delete_older(since)
        young = {each for all_ in entries if all_[0].time >= since for each in all_[0].ids}
        assert set(listed(store)) == young
        for table in ("feedback", "trials"):
            found = run(f"SELECT prediction_id, count(*) FROM {table} GROUP BY 1")
            assert dict(found) == dict.fromkeys(young, 1)
