"""Tables are made and changed in steps; what is wrong with a database is one kind of error."""

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sql
from entries import ids, predicted

from bench.postgres import Postgres
from serving.errors import StoreError
from serving.recording.store import Store
from serving.recording.store.database import Database
from serving.recording.store.migrations import migrate
from serving.recording.store.rows import Position
from serving.recording.store.steps import STEPS, Step

DOCS = Path(__file__).parents[2] / "docs" / "store.md"


def test_migrating_again_changes_nothing(store: Store):
    store.add([predicted("a")], {})
    store.migrate()
    assert ids(store) == ["a"]


def test_what_a_transaction_reads_is_of_one_moment(store: Store, store_url: str):
    rows = sql.text("SELECT count(*) FROM predictions")
    with closing(Database(store_url)) as database:
        with database.reading() as connection:
            assert connection.scalar(rows) == 0
            store.add([predicted("a")], {})
            assert connection.scalar(rows) == 0
        with database.reading() as connection:
            assert connection.scalar(rows) == 1


@pytest.mark.faults
def test_many_processes_can_migrate_at_the_same_time(store_url: str):
    stores = [Store(store_url) for _ in range(8)]
    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(Store.migrate, stores))
    stores[0].add([predicted("a")], {})
    assert ids(stores[7]) == ["a"]
    for each in stores:
        each.close()


def test_a_connection_waits_while_another_writes_to_a_file_without_a_log(tmp_path: Path):
    """SQLite itself refuses at once to switch to its log then."""
    store = Store(f"sqlite:///{tmp_path}/store.db")
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE held (x)")
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            migrating = pool.submit(store.migrate)
            assert wait([migrating], 0.1).not_done
            other.execute("COMMIT")
            migrating.result()
    store.close()


def test_a_later_step_is_applied_once_and_completely(store_url: str, store: Store):
    store.add([predicted("a")], {})
    broken = Step("broken", ("CREATE TABLE half (x TEXT)", "CREATE TABLE half (x TEXT)"))
    good = Step("trial", ("ALTER TABLE predictions ADD COLUMN trial TEXT",))
    database = Database(store_url)
    with pytest.raises(StoreError, match="half"), database.writing() as connection:
        migrate(connection, (*STEPS, good, broken))
    for _ in range(2):
        with database.writing() as connection:
            migrate(connection, (*STEPS, good))
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT trial FROM predictions").all() == [(None,)]
    database.close()
    with pytest.raises(StoreError, match=r"a newer release made its tables; .*: trial$"):
        store.migrate()


def test_the_tables_can_be_read_by_name_as_the_docs_say(store_url: str, store: Store):
    store.add([predicted("a")], {})
    on_sqlite, on_postgresql, *_ = re.findall("```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    database = Database(store_url)
    query = on_postgresql if database.is_postgresql else on_sqlite
    with database.reading() as connection:
        named = [(field, str(value)) for _, field, value in connection.exec_driver_sql(query)]
    assert named == [("alcohol", "9.5"), ("type", "white")]
    database.close()


@pytest.mark.parametrize("removed", ["store.db*", "store.db"])
def test_a_removed_file_is_created_again(tmp_path: Path, removed: str):
    """By whoever tidies up: what is written from then on must not go to a file without a name."""
    store = Store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    for file in tmp_path.glob(removed):
        file.unlink()
    store.migrate()
    assert (tmp_path / "store.db").exists()
    store.add([], {"segment": Position(7)})
    store.close()
    assert Store(f"sqlite:///{tmp_path}/store.db").positions() == {"segment": Position(7)}


@pytest.mark.slow
def test_a_commit_waits_for_the_disk_even_where_the_database_is_set_not_to(
    postgres: Postgres,
):
    """What the database has is removed from the journal."""
    url = postgres.new()
    with psycopg.connect(url, autocommit=True) as connection, closing(Store(url)) as store:
        store.migrate()
        connection.execute("CREATE TABLE seen (setting TEXT)")
        connection.execute(
            "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER see BEFORE INSERT ON segments FOR EACH ROW EXECUTE FUNCTION see()"
        )
        for set_to in ("off", "remote_write"):
            name = url.rpartition("/")[2]
            connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = {set_to}")
            store.close()
            store.add([predicted()], {"segment": Position(1)})
        assert connection.execute("SELECT setting FROM seen").fetchall() == [
            ("on",),
            ("remote_write",),
        ]
