"""The hosts that share the database: each has a journal of its own, and a collector.

What is not in the store yet may be in the journal of any of them. A host that was killed keeps its
journal, so it counts until it is back, or for `MAX_AWAY`; one that was stopped has emptied it.
"""

from typing import NamedTuple

import sqlalchemy as sql

from serving import clock
from serving.recording.store.database import Database

MAX_AWAY = 7 * clock.DAY  # milliseconds after which the disk of a host counts as lost
MAX_SILENCE = 60_000  # milliseconds without a sign of life after which a host counts as away

SEE = sql.text("""
    INSERT INTO hosts (id, name, seen, collected, stopped) VALUES (:id, :name, :now, :collected, 0)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, seen = excluded.seen, stopped = 0,
        collected = CASE WHEN excluded.collected > hosts.collected
            THEN excluded.collected ELSE hosts.collected END
""")
STOP = sql.text("UPDATE hosts SET stopped = 1, seen = :now WHERE id = :id")
FORGET = sql.text("DELETE FROM hosts WHERE seen < :gone")
# One that stopped a moment ago may be starting its next collector.
MAY_HOLD = "hosts.seen > :gone AND (hosts.stopped = 0 OR hosts.seen > :silent)"
COLLECTED = sql.text(f"SELECT min(collected) FROM hosts WHERE id <> :id AND {MAY_HOLD}")  # noqa: S608 - constant


class Host(NamedTuple):
    """A host by its name, and when it was seen last, in milliseconds since 1970, UTC."""

    name: str
    seen: int


def limits(now: int) -> dict[str, int]:
    """Return the parameters of `MAY_HOLD`."""
    return {"gone": now - MAX_AWAY, "silent": now - MAX_SILENCE}


class Hosts:
    """The table of hosts; every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def see(self, host_id: str, name: str, collected: int = 0) -> None:
        """Write down that a host is there.

        Parameters
        ----------
        collected : int
            All that it recorded until then is in the store: milliseconds since 1970, UTC.
        """
        now = clock.now()
        row = {"id": host_id, "name": name, "now": now, "collected": collected}
        with self._database.writing() as connection:
            connection.execute(FORGET, limits(now))
            connection.execute(SEE, row)

    def stop(self, host_id: str) -> None:
        """Write down that a host has stopped, and that nothing is left in its journal."""
        with self._database.writing() as connection:
            connection.execute(STOP, {"id": host_id, "now": clock.now()})

    def collected_from_others(self, host_id: str) -> int | None:
        """Return until when all that other hosts recorded is in the store; None without others."""
        with self._database.reading() as connection:
            parameters = {"id": host_id, **limits(clock.now())}
            found: int | None = connection.scalar(COLLECTED, parameters)
            return found
