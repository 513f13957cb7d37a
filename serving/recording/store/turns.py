"""What only one host may do at a time: on PostgreSQL, by a lock that a connection holds.

It is released when the process ends or loses the database. SQLite is one host's own, whose
processes lock files.
"""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from enum import IntEnum

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from serving.recording.store.database import Database
from serving.recording.store.migrations import LOCK

TRY = sql.text("SELECT pg_try_advisory_lock(:number)")
RELEASE = sql.text("SELECT pg_advisory_unlock_all()")
STILL = sql.text("SELECT 1")


class Work(IntEnum):
    """Work that has turns, by the number of its lock."""

    MONITOR = LOCK + 16
    RETENTION = LOCK + 17
    PURGE = LOCK + 18
    ARCHIVE = LOCK + 19


class Turn:
    """The turn of this process at some work, for as long as it keeps its connection."""

    def __init__(self, database: Database, work: Work) -> None:
        self._database, self._work = database, work
        self._kept: Generator[bool] | None = None

    def take(self) -> bool:
        """Return whether it is this process's turn, now; take it if nobody has it.

        Raises
        ------
        StoreError
        """
        if not self._database.is_postgresql:
            return True
        self._kept = self._kept or self._keep()
        has_it = False
        try:
            has_it = next(self._kept)
        finally:
            if not has_it:
                self.close()
        return has_it

    def close(self) -> None:
        """Leave the work to another."""
        if self._kept:
            self._kept.close()
            self._kept = None

    def _keep(self) -> Generator[bool]:
        """Yield whether the lock was free, and then that its connection is still there."""
        with self._database.without_transaction() as connection:
            try:
                yield bool(connection.scalar(TRY, {"number": self._work}))
                while True:
                    connection.execute(STILL)
                    yield True
            finally:
                with suppress(SQLAlchemyError):  # the server notices later that it is closed
                    connection.execute(RELEASE)
                connection.invalidate()  # closed, or the pool would keep the lock


@contextmanager
def turn(database: Database, work: Work) -> Iterator[bool]:
    """Give whether it is this process's turn at some work, and keep it during a block.

    Raises
    ------
    StoreError
    """
    with closing(Turn(database, work)) as mine:
        yield mine.take()
