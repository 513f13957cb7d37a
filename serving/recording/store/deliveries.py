"""Messages about alerts that wait to be sent to the webhook."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sql

from serving.recording.store.database import Database
from serving.recording.store.rows import table

deliveries = table("deliveries", "id", "body", "due", "attempts")


class Delivery(msgspec.Struct, frozen=True):
    """A message that the webhook has not accepted yet.

    Attributes
    ----------
    id : str
        The same in every attempt, so that the receiver recognises a repetition.
    due : int
        When to send it next, in milliseconds since 1970, UTC.
    """

    id: str
    body: str
    due: int
    attempts: int = 0


def add(connection: sql.Connection, messages: Sequence[Delivery]) -> None:
    """Add messages, within an open transaction."""
    if messages:
        connection.execute(deliveries.insert(), [msgspec.to_builtins(one) for one in messages])


class Deliveries:
    """The table of messages; every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: int, limit: int) -> list[Delivery]:
        """Return the messages that are due, the oldest first."""
        query = (
            sql.select(*deliveries.c)
            .where(deliveries.c.due <= now)
            .order_by(deliveries.c.due, deliveries.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [Delivery(*row) for row in connection.execute(query)]

    def delete(self, message: Delivery) -> None:
        """Delete a message that was accepted or given up."""
        with self._database.writing() as connection:
            connection.execute(deliveries.delete().where(deliveries.c.id == message.id))

    def postpone(self, message: Delivery, due: int) -> None:
        """Set when to send a message again, and count the attempt."""
        later = deliveries.update().where(deliveries.c.id == message.id)
        with self._database.writing() as connection:
            connection.execute(later.values(due=due, attempts=message.attempts + 1))
