"""SQLite or PostgreSQL, by URL: connections, transactions, and one error for all failures."""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError

from serving.errors import EmptyStore, StoreError
from serving.recording.store import sqlite
from serving.recording.store.hung import Watch

DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",  # as many platforms set DATABASE_URL
}
POSTGRESQL = {
    "connect_timeout": 3,
    # A server that vanished is noticed after some 10 seconds, not after a quarter of an hour.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "client_encoding": "utf8",
}
# A client that vanished is noticed by the server as soon, or its locks would hold up all others.
KEEPALIVES = """
    SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3
"""
USED = "used"  # when a connection was used the last time
UNUSED = 0.1  # seconds after which one is tried before it is used
MAX_SECONDS = 10  # of a transaction at once, which is some milliseconds
# What is committed is removed from the journal, so it has to be on the database's disk by then.
# Whoever gives up waits for no lock any more; the server would not notice that it has gone.
SETTINGS = """
    SELECT set_config('lock_timeout', '5s', true), set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, true)
"""
# Public messages, as those of a driver contain users, hosts and paths.
UNREACHED = "the database cannot be reached"
UNUSABLE = "the database refuses the operation"
EMPTY = "nothing is recorded in the database yet"
NO_TABLE = "42P01"  # PostgreSQL's code for it


class Database:
    """A database, connected when it is first used: created before a fork, used after.

    Attributes
    ----------
    name : str
        The URL without its password.

    Raises
    ------
    StoreError
        If the URL is not one of SQLite or PostgreSQL.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sql.make_url(url)
            driver = DRIVERS[parsed.drivername]
        except (ArgumentError, KeyError):  # not quoted: it may hold a password
            raise StoreError(
                "DATABASE_URL is not the URL of a database: it begins with sqlite:/// or postgresql://"
            ) from None
        self.is_postgresql = driver == DRIVERS["postgresql"]
        bare = sql.URL.create(
            parsed.drivername, parsed.username, None, parsed.host, parsed.port, parsed.database
        )
        self.name = bare.render_as_string()
        self._watch = Watch(MAX_SECONDS)
        self._engine = sql.create_engine(
            parsed.set(drivername=driver),
            connect_args=POSTGRESQL if self.is_postgresql else sqlite.ARGUMENTS,
        )
        # What several statements read together is of one moment, as it is in SQLite.
        self._reading = self._engine.execution_options(
            **{"isolation_level": "REPEATABLE READ"} if self.is_postgresql else {}
        )
        self._writing = self._engine.execution_options(**{sqlite.BEGIN: "BEGIN IMMEDIATE"})
        self._unguarded = self._engine.execution_options(
            **{"isolation_level": "AUTOCOMMIT"} if self.is_postgresql else {sqlite.BEGIN: ""}
        )
        if self.is_postgresql:
            sql.event.listen(self._engine, "connect", _prepare_postgresql)
            sql.event.listen(self._engine, "checkout", self._require_connected)
            sql.event.listen(self._engine, "checkin", _note_use)
        else:
            sqlite.prepare(self._engine)

    @contextmanager
    def reading(self, *, briefly: bool = False) -> Iterator[sql.Connection]:
        """Open a read-only transaction, all statements of which read what is there at the first.

        Parameters
        ----------
        briefly : bool
            Whether it fails if PostgreSQL does not respond.

        Raises
        ------
        StoreError
            For any failure of the database; the message does not contain the password.
        """
        with self._transaction(self._reading, briefly=briefly) as connection:
            yield connection

    @contextmanager
    def writing(self, *, briefly: bool = False) -> Iterator[sql.Connection]:
        """Open a transaction that may write.

        Parameters
        ----------
        briefly : bool
            Whether it fails if PostgreSQL does not respond.

        Raises
        ------
        StoreError
            For any failure of the database; the message does not contain the password.
        """
        with self._transaction(self._writing, briefly=briefly) as connection:
            yield connection

    @contextmanager
    def writing_at_once(self) -> Iterator[sql.Connection]:
        """Open a short transaction whose statements return nothing, and wait once, at its end.

        Raises
        ------
        StoreError
            For any failure of the database; the message does not contain the password.
        """
        if not self.is_postgresql:
            with self.writing() as connection:
                yield connection
            return
        with self._transaction(self._unguarded, briefly=True) as connection:
            driver: Any = connection.connection.driver_connection
            # What is sent before the end of a pipeline is one transaction.
            with driver.pipeline():
                connection.exec_driver_sql(SETTINGS)
                yield connection

    @contextmanager
    def without_transaction(self) -> Iterator[sql.Connection]:
        """Open a connection on which each statement is a transaction of its own.

        Raises
        ------
        StoreError
            For any failure of the database; the message does not contain the password.
        """
        with self._transaction(self._unguarded) as connection:
            yield connection

    @contextmanager
    def _transaction(
        self, engine: sql.Engine, *, briefly: bool = False
    ) -> Iterator[sql.Connection]:
        driver_error = engine.dialect.loaded_dbapi.Error  # raised where SQLAlchemy is bypassed
        kind, public = StoreError, UNREACHED
        try:
            with (
                engine.connect() as connection,
                self._watched(connection) if briefly else nullcontext(),
                connection.begin(),  # within, as its end may wait for a response, too
            ):
                public = UNUSABLE
                yield connection
        except (SQLAlchemyError, driver_error) as error:
            if isinstance(error, DBAPIError):
                reason, is_lost = error.orig, error.connection_invalidated
                state = getattr(reason, "sqlstate", "")
            else:
                reason, state = error.args[0], getattr(error, "sqlstate", "")
                is_lost = state is None  # psycopg's own error, which is not the server's
            if "no such table" in str(reason) or state == NO_TABLE:
                kind, public = EmptyStore, EMPTY
            raise kind(
                f"{self.name}: {' '.join(str(reason).split())}",
                public=UNREACHED if is_lost else public,
            ) from error
        except StoreError as error:
            raise type(error)(f"{self.name}: {error}", public=error.public) from error

    def _watched(self, connection: sql.Connection) -> AbstractContextManager[None]:
        driver = connection.connection.driver_connection
        return self._watch.watched(driver) if self.is_postgresql else nullcontext()

    def _require_connected(self, driver: Any, record: Any, _proxy: Any) -> None:
        """Reconnect if the server has ended a connection that was not used for a while."""
        if time.monotonic() > record.info.get(USED, math.inf) + UNUSED:
            try:
                with self._watch.watched(driver):
                    self._engine.dialect.do_ping(driver)
            except driver.Error:
                raise DisconnectionError from None

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._engine.dispose()


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    connection.execute(KEEPALIVES)
    connection.commit()


def _note_use(_driver: Any, record: Any) -> None:
    record.info[USED] = time.monotonic()
