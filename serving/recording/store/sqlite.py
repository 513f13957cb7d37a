"""How a connection to SQLite is opened, begins a transaction, and keeps to its file."""

import os
import sqlite3
import time
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import DisconnectionError

ARGUMENTS = {"timeout": 5}  # seconds to wait for another writer
BEGIN = "sqlite_begin"
FILE = "sqlite_file"


def prepare(engine: sql.Engine) -> None:
    """Have an engine's connections be opened, begin and be reused as the store needs it.

    The option `BEGIN` of an execution is the statement that begins a transaction; empty for none.
    """
    sql.event.listen(engine, "connect", _connect)
    sql.event.listen(engine, "begin", _begin)
    sql.event.listen(engine, "checkout", _require_same_file)


def _connect(connection: sqlite3.Connection, record: Any) -> None:
    # We send BEGIN ourselves: sqlite3 sends none before CREATE TABLE.
    connection.isolation_level = None
    _keep_a_log(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    record.info[FILE] = _file_of(connection)


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """Switch a new file to a write-ahead log; SQLite itself does not wait for others that do."""
    end = time.monotonic() + ARGUMENTS["timeout"]
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _require_same_file(_connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
    """Reconnect if the file was removed or replaced, as writes to the old one would be lost."""
    path, opened = record.info[FILE]
    if opened != _inode(path):
        raise DisconnectionError


def _file_of(connection: sqlite3.Connection) -> tuple[str, tuple[int, int] | None]:
    """Return the path and inode of a connection's file; no inode for one in memory."""
    *_, path = connection.execute("PRAGMA database_list").fetchone()
    return path, _inode(path)


def _inode(path: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116 - Path.stat costs five times as much
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _begin(connection: sql.Connection) -> None:
    """Take the write lock at once if it will be needed; later it could be refused."""
    if begin := connection.get_execution_options().get(BEGIN, "BEGIN"):
        connection.exec_driver_sql(begin)
