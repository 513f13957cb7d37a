"""What the monitor must remember of the latest retraining of each model."""

import sqlalchemy as sql
from msgspec import Raw

from serving.recording.store.database import Database

FIND = sql.text("SELECT attempt FROM attempts WHERE model = :model")
WRITE = sql.text("""
    INSERT INTO attempts (model, attempt) VALUES (:model, :attempt)
    ON CONFLICT (model) DO UPDATE SET attempt = excluded.attempt
""")


class Attempts:
    """The latest attempt of each model, as JSON; every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, model: str) -> Raw | None:
        """Return the latest attempt."""
        with self._database.reading() as connection:
            found = connection.scalar(FIND, {"model": model})
        return None if found is None else Raw(found)

    def write(self, model: str, attempt: bytes) -> None:
        """Replace the latest attempt."""
        with self._database.writing() as connection:
            connection.execute(WRITE, {"model": model, "attempt": attempt.decode()})
