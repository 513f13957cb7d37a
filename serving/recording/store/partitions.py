"""The partitions of PostgreSQL's tables by time, so that what is too old is dropped in one piece.

Each holds the rows between two times. A row whose time no partition has, since the clock of its
host was wrong or since it is older than may be kept, is in the partition `other`.
"""

import logging
import re
import time
from collections.abc import Collection, Mapping
from typing import NamedTuple

import sqlalchemy as sql

from serving import clock
from serving.errors import StoreError
from serving.recording.store.database import Database
from serving.recording.store.partitioning import KEYS, NOW

log = logging.getLogger(__name__)

# Most of the time that is kept is in so many: each costs a query that names no time some 30 µs and
# a lock of the table and of each of its indexes, of which PostgreSQL has some 6,400 by default.
MAX_PARTITIONS = 32
PARTS_OF_A_DAY = (1, 2, 3, 4, 6, 8, 12, 24)  # hours
MONTH = 30 * 24  # hours
LOCK_WAIT = (
    1_500  # milliseconds in which others wait for a table; an autovacuum gives way after 1,000
)
RETRY = 10  # seconds until partitions are made that could not be

SET_LOCK_WAIT = f"SET LOCAL lock_timeout = {LOCK_WAIT}"
PARTITIONS = sql.text("""
    SELECT CAST(CAST(pg_class.oid AS regclass) AS text), pg_get_expr(relpartbound, pg_class.oid)
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass(:table)
""")
BOUNDS = re.compile(r"FOR VALUES FROM \((?P<first>.*)\) TO \((?P<end>.*)\)")
NEVER = 2**63 - 1
ENDS = {"MINVALUE": -(2**63), "MAXVALUE": NEVER}


class Partition(NamedTuple):
    """A partition by its name and the times of its rows: from the first on, before the end.

    Times are milliseconds since 1970, UTC.
    """

    name: str
    first: int
    end: int


class Partitions:
    """Makes the partitions that rows need before they are added.

    Parameters
    ----------
    days : int
        How long rows are kept, which the size of the partitions depends on; 0 for ever.
    """

    def __init__(self, database: Database, days: int) -> None:
        self._database, self._hours = database, hours_of_partition(days)
        self._reach = MAX_PARTITIONS * self._hours  # hours in the past
        self.forget()

    def forget(self) -> None:
        """Look at the database again before the next rows, as it may be another one."""
        self._known: dict[str, list[Partition]] = {}
        self._ahead = 0  # hours that the database's clock is ahead of this machine's
        self._retry = 0.0

    def prepare(self, times: Mapping[str, Collection[int]]) -> None:
        """Make the partitions for rows of these times, by table, and for those that come next.

        Whether a time is plausible is decided by the database's clock, the same for all hosts. It
        never fails: a row without a partition of its time is added to `other`, and moved when there
        is one.
        """
        now = clock.now() // clock.HOUR
        for table, wanted in times.items():
            hours = {each // clock.HOUR for each in wanted}
            if table in self._known and not self._missing(table, hours, now + self._ahead):
                continue
            if time.monotonic() < self._retry:
                continue
            try:
                self._make(table, hours)
            except StoreError as error:
                self._known.pop(table, None)
                self._retry = time.monotonic() + RETRY
                log.warning("partitions of %s are not made yet: %s", table, error)

    def _missing(self, table: str, hours: set[int], now: int) -> list[int]:
        """Return the hours that need a partition, of those given, this one and the next ones."""
        plausible = range(now - self._reach, now + self._hours + 1)
        wanted = {each for each in hours if each in plausible} | {now, now + self._hours}
        known = self._known[table]
        return sorted(
            hour
            for hour in wanted
            if not any(each.first <= hour * clock.HOUR < each.end for each in known)
        )

    def _make(self, table: str, hours: set[int]) -> None:
        with self._database.writing() as connection:
            run = connection.exec_driver_sql
            now = run(NOW).scalar_one() // clock.HOUR
            self._ahead = now - clock.now() // clock.HOUR
            self._known[table] = partitions_of(connection, table)
            if not self._missing(table, hours, now):
                return
            # Against others that make partitions, and against writers that would look for the
            # partition of a row just before it is made. Readers go on.
            run(SET_LOCK_WAIT)
            run(f"LOCK TABLE ONLY {table} IN SHARE ROW EXCLUSIVE MODE")
            known = self._known[table] = partitions_of(connection, table)
            made = []
            while missing := self._missing(table, hours, now):
                known.append(self._around(missing[0], table))
                made.append(known[-1])
            for each in made:
                _create(connection, table, each)

    def _around(self, hour: int, table: str) -> Partition:
        """Return a partition around an hour, as long as usual where others leave room for it."""
        at, length = hour * clock.HOUR, self._hours * clock.HOUR
        first = at - at % length
        known = self._known[table]
        first = max([first, *(each.end for each in known if each.end <= at)])
        end = min([at - at % length + length, *(each.first for each in known if each.first > at)])
        at_hour = clock.iso(first)[:13].replace("-", "").replace("T", "_")
        return Partition(f"{table}_{at_hour}", first, end)


def hours_of_partition(days: int) -> int:
    """Return the hours of a partition where rows are kept for so many days, 0 for ever.

    >>> [hours_of_partition(days) for days in (1, 7, 30, 365, 0)]
    [1, 6, 24, 288, 720]
    """
    if not days:
        return MONTH
    least = -(-days * 24 // MAX_PARTITIONS)
    return next((each for each in PARTS_OF_A_DAY if each >= least), -(-least // 24) * 24)


def partitions_of(connection: sql.Connection, table: str) -> list[Partition]:
    """Return the partitions of a table that have bounds, which `other` has not."""
    found = []
    for name, text in connection.execute(PARTITIONS, {"table": table}):
        if bounds := BOUNDS.fullmatch(text or ""):  # without any when another host just drops it
            found.append(Partition(name, *map(_time, bounds.group("first", "end"))))
    return sorted(found, key=lambda each: each.first)


def _time(text: str) -> int:
    return ENDS[text] if text in ENDS else int(text.strip("'"))


def _create(connection: sql.Connection, table: str, new: Partition) -> None:
    """Create a partition with the rows of its time that are in `other`."""
    run = connection.exec_driver_sql
    run(f"CREATE TABLE {new.name} (LIKE {table}, PRIMARY KEY ({KEYS[table]}))")
    run(f"LOCK TABLE {table}_other IN ACCESS EXCLUSIVE MODE")
    run(
        f"WITH moved AS (DELETE FROM {table}_other WHERE time >= {new.first} AND time < {new.end}"  # noqa: S608 - names are constant
        f" RETURNING *) INSERT INTO {new.name} SELECT * FROM moved"
    )
    bounds = f"FOR VALUES FROM ({new.first}) TO ({new.end})"
    run(f"ALTER TABLE {table} ATTACH PARTITION {new.name} {bounds}")
