"""Days that are moved into the archive, and what is read of them before and after."""

from typing import Any

import duckdb
from archives import recorded, rows
from entries import NOON

from serving import clock
from serving.archive.changes import Changes
from serving.recording.store import Store

MORNING = clock.day_of(NOON)
SECOND = MORNING + clock.DAY  # the day of later predictions
LATER = MORNING + 3 * clock.DAY


class Killed(BaseException):
    """A process ends."""


def end() -> None:
    raise Killed


def fill(store: Store) -> list[Any]:
    """Two days and something new, and all that is read of them."""
    store.add(recorded(30, start=NOON), {})
    store.add(recorded(20, start=SECOND, version=2), {})
    store.add(recorded(10, start=LATER), {})
    return rows(store, "")


def left(store: Store) -> int:
    """How many rows the store has in the tables of predictions."""
    with store._database.reading() as connection:  # noqa: SLF001 - as no face shows it
        return sum(
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("predictions", "feedback", "trials")
        )


def archived(changes: Changes) -> list[Any]:
    """What the files have, as another program reads them."""
    pattern = f"{changes.url}/*/*/*.parquet"
    query = "SELECT id FROM read_parquet(?, union_by_name = true) ORDER BY id"
    return [each for (each,) in duckdb.execute(query, [pattern]).fetchall()]
