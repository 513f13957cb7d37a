"""Work that only one of several hosts may do at a time, and what a host leaves that vanishes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from entries import NOON, ids, predicted
from servers import wait_until

from bench.postgres import Postgres
from serving.errors import StoreError
from serving.recording.store import Store
from serving.recording.store.database import Database
from serving.recording.store.erasures import LOCK_REPORTS
from serving.recording.store.turns import Work, turn


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new()


@pytest.fixture
def hosts(url: str) -> Iterator[list[Store]]:
    """The stores of three hosts."""
    made = [Store(url) for _ in range(3)]
    yield made
    for each in made:
        each.close()


def test_three_hosts_create_the_tables_at_once(hosts: list[Store]):
    with ThreadPoolExecutor(3) as pool:
        [*pool.map(Store.migrate, hosts)]
    assert all(each.pending_migrations() == [] for each in hosts)


def test_three_hosts_delete_what_is_expired_at_once(hosts: list[Store]):
    hosts[0].migrate()
    names = [f"p{at}" for at in range(3_000)]
    hosts[0].add([predicted(*names, time=NOON), predicted("new", time=2 * NOON)], {})
    with ThreadPoolExecutor(3) as pool:
        deleted = [*pool.map(lambda each: each.delete_older(NOON + 1), hosts)]
    assert sum(deleted) == len(names)
    assert ids(hosts[0]) == ["new"]


def test_a_host_whose_turn_it_is_not_deletes_nothing(hosts: list[Store], url: str):
    first, second, _ = hosts
    first.migrate()
    first.add([predicted("old", time=NOON)], {})
    with closing(Database(url)) as other, turn(other, Work.RETENTION) as is_mine:
        assert is_mine
        assert second.delete_older(NOON + 1) == 0
    assert second.delete_older(NOON + 1) == 1


def test_retention_and_an_erasure_never_wait_for_each_other(hosts: list[Store], url: str):
    hosts[0].migrate()
    waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'reports'::regclass AND NOT granted"
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(url) as erasing,
        psycopg.connect(url, autocommit=True) as looking,
    ):
        first, second = LOCK_REPORTS.split(",")  # one after the other, as PostgreSQL takes them
        mode = second.split(" IN ")[1]
        erasing.execute(f"{first} IN {mode}")
        deleting = pool.submit(hosts[0].delete_older, NOON)
        wait_until(lambda: looking.execute(waiting).fetchone() == (1,))
        erasing.execute(f"LOCK TABLE {second}")
        erasing.commit()
        assert deleting.result() == 0


def test_a_turn_ends_with_its_connection(hosts: list[Store], url: str):
    first, second, _ = hosts
    with closing(first.monitor_turn()) as mine, closing(second.monitor_turn()) as other:
        assert mine.take()
        assert mine.take()
        assert not other.take()
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(StoreError):
            mine.take()
        assert other.take()
        assert not mine.take()
    with closing(first.monitor_turn()) as free:
        assert free.take()


def test_the_server_gives_up_a_host_that_vanished_and_so_its_locks(url: str):
    with closing(Database(url)) as database, database.reading() as connection:
        shown = [
            connection.exec_driver_sql(f"SHOW tcp_keepalives_{of}").scalar()
            for of in ("idle", "interval", "count")
        ]
    assert shown == ["5", "2", "3"]


def test_in_sqlite_it_is_always_the_turn_of_its_only_host(store: Store):
    with closing(store.monitor_turn()) as mine:
        assert mine.take()
