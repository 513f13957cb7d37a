"""Messages about alerts that wait for a webhook to take them."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sql

from serving.recording.store.database import Database
from serving.recording.store.rows import table

deliveries = table("deliveries", "id", "body", "due", "attempts")


class Delivery(msgspec.Struct, frozen=True):
    """A message that a webhook has not taken yet.

    Attributes
    ----------
    id : str
        The same with every attempt, so that the receiver can tell.
    due : int
        When to try it next, in milliseconds since 1970, UTC.
    """

    id: str
    body: str
    due: int
    attempts: int = 0


def add(connection: sql.Connection, messages: Sequence[Delivery]) -> None:
    """Add messages, within the transaction that is open."""
    if messages:
        connection.execute(deliveries.insert(), [msgspec.to_builtins(one) for one in messages])


class Deliveries:
    """Every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: int, limit: int) -> list[Delivery]:
        """Messages to be sent by now, the oldest first."""
        asked = (
            sql.select(*deliveries.c)
            .where(deliveries.c.due <= now)
            .order_by(deliveries.c.due, deliveries.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [Delivery(*row) for row in connection.execute(asked)]

    def delivered(self, message: Delivery) -> None:
        """Forget a message that was taken, or is given up."""
        with self._database.writing() as connection:
            connection.execute(deliveries.delete().where(deliveries.c.id == message.id))

    def postpone(self, message: Delivery, due: int) -> None:
        """Try a message again later; that was one attempt."""
        later = deliveries.update().where(deliveries.c.id == message.id)
        with self._database.writing() as connection:
            connection.execute(later.values(due=due, attempts=message.attempts + 1))
