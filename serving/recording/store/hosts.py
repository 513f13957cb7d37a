"""The hosts that share the database: each has a journal of its own, and a collector.

What is not in the store yet may be in the journal of any of them. A host that was killed keeps its
journal, so it counts until it is back, or for `MAX_AWAY`; one that was stopped has emptied it.
"""

from typing import Literal, NamedTuple

import msgspec
import sqlalchemy as sql
from msgspec import Raw

from serving import clock
from serving.recording.store.database import Database

MAX_AWAY = 7 * clock.DAY  # milliseconds after which the disk of a host counts as lost
MAX_SILENCE = 60_000  # milliseconds without a sign of life after which a host counts as away
SILENT = 20_000  # milliseconds without a report after which a host is shown as silent
SHOWN, SHOWN_STOPPED = clock.DAY, clock.DAY // 24  # and for which it is still shown

SEE = sql.text("""
    INSERT INTO hosts (id, name, seen, collected, stopped) VALUES (:id, :name, :now, :collected, 0)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, seen = excluded.seen, stopped = 0,
        collected = CASE WHEN excluded.collected > hosts.collected
            THEN excluded.collected ELSE hosts.collected END
""")
# The database's clock: those of hosts may differ by more than the time between two reports.
POSTGRESQL_NOW = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
SQLITE_NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
REPORT = "UPDATE hosts SET report = :report, reported = {now} WHERE id = :id"
REPORTED = """
    SELECT id, name, stopped, reported, report, {now} - reported AS age FROM hosts
    WHERE {now} - reported < CASE stopped WHEN 0 THEN :shown ELSE :shown_stopped END
    ORDER BY name, id
"""
STOP = sql.text("UPDATE hosts SET stopped = 1, seen = :now WHERE id = :id")
FORGET = sql.text("DELETE FROM hosts WHERE seen < :gone")
# One that stopped a moment ago may be starting its next collector.
MAY_HOLD = "hosts.seen > :gone AND (hosts.stopped = 0 OR hosts.seen > :silent)"
COLLECTED = sql.text(f"SELECT min(collected) FROM hosts WHERE id <> :id AND {MAY_HOLD}")  # noqa: S608 - constant


class Host(NamedTuple):
    """A host by its name, and when it was seen last, in milliseconds since 1970, UTC."""

    name: str
    seen: int


class Report(msgspec.Struct, frozen=True):
    """What a host reports.

    Attributes
    ----------
    waiting : int
        Entries of its journal that are not in the store.
    behind : int
        For how many milliseconds they have waited; 0 if there are none.
    state : Raw
        JSON that is only stored here: what the host serves.
    """

    waiting: int
    behind: int
    state: Raw


class Reported(NamedTuple):
    """The last report of a host.

    Attributes
    ----------
    reported : int
        When it came: milliseconds since 1970 by the database's clock.
    age : int
        How long ago that was, in milliseconds.
    """

    id: str
    name: str
    state: Literal["up", "silent", "stopped"]
    reported: int
    age: int
    report: Report

    @property
    def behind(self) -> int:
        """For how many milliseconds entries have waited; of a silent host, at most."""
        return self.report.behind + (self.age if self.state == "silent" else 0)


def limits(now: int) -> dict[str, int]:
    """Return the parameters of `MAY_HOLD`."""
    return {"gone": now - MAX_AWAY, "silent": now - MAX_SILENCE}


class Hosts:
    """The table of hosts; every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def see(self, host_id: str, name: str, collected: int = 0) -> None:
        """Record that a host is present.

        Parameters
        ----------
        collected : int
            All that it recorded until then is in the store: milliseconds since 1970, UTC.
        """
        now = clock.now()
        row = {"id": host_id, "name": name, "now": now, "collected": collected}
        with self._database.writing(briefly=True) as connection:
            connection.execute(FORGET, limits(now))
            connection.execute(SEE, row)

    def report(self, host_id: str, report: Report) -> None:
        """Replace the report of a host that was seen."""
        row = {"id": host_id, "report": msgspec.json.encode(report).decode()}
        with self._database.writing(briefly=True) as connection:
            connection.execute(self._text(REPORT), row)

    def reported(self) -> list[Reported]:
        """List the hosts that reported lately, by name."""
        parameters = {"shown": SHOWN, "shown_stopped": SHOWN_STOPPED}
        with self._database.reading() as connection:
            rows = connection.execute(self._text(REPORTED), parameters).all()
        return [
            Reported(
                row.id,
                row.name,
                "stopped" if row.stopped else "silent" if row.age > SILENT else "up",
                row.reported,
                max(0, row.age),
                msgspec.json.decode(row.report, type=Report),
            )
            for row in rows
        ]

    def _text(self, statement: str) -> sql.TextClause:
        now = POSTGRESQL_NOW if self._database.is_postgresql else SQLITE_NOW
        return sql.text(statement.format(now=now))

    def stop(self, host_id: str) -> None:
        """Record that a host has stopped, and that nothing is left in its journal."""
        with self._database.writing(briefly=True) as connection:
            connection.execute(STOP, {"id": host_id, "now": clock.now()})

    def collected_from_others(self, host_id: str) -> int | None:
        """Return until when all that other hosts recorded is in the store; None without others."""
        with self._database.reading(briefly=True) as connection:
            parameters = {"id": host_id, **limits(clock.now())}
            found: int | None = connection.scalar(COLLECTED, parameters)
            return found
