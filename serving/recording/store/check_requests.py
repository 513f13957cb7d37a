"""Checks by the monitor that somebody has requested, at most one of each model."""

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sql

from serving.recording.store.database import Database

# One that waits stays as it is, so that whoever requests again does not put it off.
ADD = sql.text("""
    INSERT INTO check_requests (model, requested, failed) VALUES (:model, :time, 0)
    ON CONFLICT (model) DO UPDATE SET
        requested = CASE WHEN check_requests.ended IS NULL
            THEN check_requests.requested ELSE excluded.requested END,
        ended = NULL, failed = 0
""")
FIND = sql.text("SELECT requested, ended, failed FROM check_requests WHERE model = :model")
WAITING = sql.text("SELECT model FROM check_requests WHERE ended IS NULL ORDER BY requested")
END = sql.text("""
    UPDATE check_requests SET ended = :time, failed = :failed
    WHERE model = :model AND ended IS NULL AND requested <= :began
""")


class CheckRequest(NamedTuple):
    """A check that was requested; times are milliseconds since 1970, UTC.

    Attributes
    ----------
    ended : int or None
        None while it waits, or runs.
    failed : bool
        Whether the model could not be checked; why is in a log.
    """

    requested: int
    ended: int | None
    failed: bool


class CheckRequests:
    """The latest request of each model; every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, model: str, time: int) -> None:
        """Request a check, unless one waits already."""
        with self._database.writing(briefly=True) as connection:
            connection.execute(ADD, {"model": model, "time": time})

    def latest(self, model: str) -> CheckRequest | None:
        """Return the latest request of a model."""
        with self._database.reading(briefly=True) as connection:
            row = connection.execute(FIND, {"model": model}).first()
        return None if row is None else CheckRequest(row.requested, row.ended, bool(row.failed))

    def waiting(self) -> list[str]:
        """Return the models whose check has not ended, the first requested first."""
        with self._database.reading(briefly=True) as connection:
            return [*connection.scalars(WAITING)]

    def end(self, failed: Mapping[str, bool], began: int, time: int) -> None:
        """End the requests that were made before a check began.

        Parameters
        ----------
        failed : mapping
            By model: whether it could not be checked.
        """
        ended = [
            {"model": model, "failed": int(has_failed), "began": began, "time": time}
            for model, has_failed in failed.items()
        ]
        if ended:
            with self._database.writing() as connection:
                connection.execute(END, ended)
