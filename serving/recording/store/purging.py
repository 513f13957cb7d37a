"""Remove all trace of deleted rows from the files of a database."""

import logging
import time
from contextlib import suppress

import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError

from serving.errors import StoreError
from serving.recording.store import sqlite
from serving.recording.store.database import Database

log = logging.getLogger(__name__)

TRIES, PAUSE = 20, 0.5  # while others read; seconds between two
CHECKPOINT_WAIT = 200  # milliseconds in which no other may write to SQLite
LOCK_WAIT = 2_000  # milliseconds in which others wait for a table of PostgreSQL
IN_USE = "others still read rows that were deleted"

TABLES = ("predictions", "feedback", "trials", "reports", "alerts", "erasure_requests")
# A snapshot from before a transaction can see what that transaction has deleted, so that VACUUM
# would keep it.
NEXT_TRANSACTION = sql.text("SELECT CAST(pg_current_xact_id() AS xid)")
OLDER_SNAPSHOTS = sql.text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND greatest(age(backend_xmin), age(backend_xid)) >= age(CAST(:transaction AS xid))
""")
TEXTS = sql.text("""
    SELECT column_name, collation_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = :table AND data_type = 'text'
""")
PARTITIONS = sql.text("""
    SELECT relname, pg_get_expr(relpartbound, pg_class.oid)
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = to_regclass(:table) AND EXISTS (
        SELECT 1 FROM pg_stats WHERE schemaname = current_schema() AND tablename = relname)
""")


def truncate_log(database: Database) -> bool:
    """Truncate SQLite's log, which contains deleted rows, as soon as nobody reads it.

    Return whether that was so within some seconds. PostgreSQL recycles its own log.

    Raises
    ------
    StoreError
    """
    if database.is_postgresql:
        return True
    usual_wait = sqlite.ARGUMENTS["timeout"] * 1000
    for _ in range(TRIES):
        with database.without_transaction() as connection:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {CHECKPOINT_WAIT}")
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {usual_wait}")
        if not busy:
            return True
        time.sleep(PAUSE)
    return False


def rewrite(database: Database) -> bool:
    """Rewrite SQLite's file, whose pages can contain parts of rows that were moved.

    Nobody else can write meanwhile, and it needs as much space again. PostgreSQL has its
    autovacuum for that. Return whether the log was truncated, too.

    Raises
    ------
    StoreError
    """
    if not database.is_postgresql:
        with database.without_transaction() as connection:
            connection.exec_driver_sql("VACUUM")
    return truncate_log(database)


def purge(database: Database) -> None:
    """Remove all trace of deleted rows, as far as the database lets its user do so.

    Raises
    ------
    StoreError
        If others read for so long that it has to be tried again.
    """
    if database.is_postgresql:
        with database.without_transaction() as connection:
            _wait_for_snapshots(connection)
            connection.exec_driver_sql(f"SET lock_timeout = {LOCK_WAIT}")
            try:
                _rewrite_tables(connection)
            finally:
                connection.exec_driver_sql("SET lock_timeout = DEFAULT")
            _drop_log(connection)
    elif not rewrite(database):
        raise StoreError(f"{database.name}: {IN_USE}", public=IN_USE)


def _wait_for_snapshots(connection: sql.Connection) -> None:
    now = {"transaction": connection.scalar(NEXT_TRANSACTION)}
    for _ in range(TRIES):
        if not connection.scalar(OLDER_SNAPSHOTS, now):
            return
        time.sleep(PAUSE)
    raise StoreError(IN_USE)


def _rewrite_tables(connection: sql.Connection) -> None:
    """Rewrite PostgreSQL's tables and indexes, and its statistics, which quote frequent values."""
    for table in TABLES:
        if _is_empty(connection, table):
            _drop_statistics(connection, table)
        for partition, bounds in connection.execute(PARTITIONS, {"table": table}).all():
            if _is_empty(connection, partition):
                _drop_statistics_of_partition(connection, table, partition, bounds)
        connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table}")
    connection.exec_driver_sql("VACUUM FULL pg_statistic")


def _is_empty(connection: sql.Connection, table: str) -> bool:
    return not connection.exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first()  # noqa: S608


def _drop_statistics_of_partition(
    connection: sql.Connection, table: str, partition: str, bounds: str
) -> None:
    """Drop the statistics of a partition that is empty now, while it is a table of its own."""
    connection.exec_driver_sql("BEGIN")
    try:
        connection.exec_driver_sql(f"ALTER TABLE {table} DETACH PARTITION {partition}")
        _drop_statistics(connection, partition)
        connection.exec_driver_sql(f"ALTER TABLE {table} ATTACH PARTITION {partition} {bounds}")
    except DBAPIError:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _drop_statistics(connection: sql.Connection, table: str) -> None:
    """Drop the statistics of a table that is empty now, which ANALYZE would keep."""
    same = [
        f"ALTER COLUMN {column} TYPE text" + (f' COLLATE "{collation}"' if collation else "")
        for column, collation in connection.execute(TEXTS, {"table": table})
    ]
    with suppress(DBAPIError):  # somebody's view uses a column: the next rows replace them
        connection.exec_driver_sql(f"ALTER TABLE {table} {', '.join(same)}")


def _drop_log(connection: sql.Connection) -> None:
    """Have PostgreSQL end the file of its log, and remove or recycle what it needs no more."""
    try:
        connection.exec_driver_sql("SELECT pg_switch_wal()")
        connection.exec_driver_sql("CHECKPOINT")
    except DBAPIError:
        log.info("the database's user may not end its log (WAL): deleted rows stay in it for now")
