"""Rows of any time in a PostgreSQL whose tables are divided by time, and where they are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from entries import feedback, predicted

from serving import clock, ids
from serving.recording.entry import TrialEntry
from serving.recording.store import Store, dropping, partitions
from serving.recording.store.rows import Cursor

DAYS = 30
NOW = clock.now()
MIDNIGHT = NOW // clock.DAY * clock.DAY

Run = Callable[..., list[Any]]


@contextmanager
def running_sql(url: str) -> Iterator[Run]:
    """Run SQL of one's own."""
    with psycopg.connect(url, autocommit=True) as connection:

        def run(*query: Any) -> list[Any]:
            done = connection.execute(*query)
            return done.fetchall() if done.description else []

        yield run


def made(time: int, count: int = 1, model: str = "wine", **changes: Any) -> Any:
    """A prediction, or several of one request, whose ids contain their time."""
    return predicted(*ids.make(model, 1, time, count), time=time, model=model, **changes)


def with_all(entry: Any, later: int = 1) -> list[Any]:
    """A prediction with feedback and a trial, made later by so much."""
    at = entry.time + later
    trial = TrialEntry(at, entry.model, 2, entry.ids, ["bom"] * len(entry.ids))
    return [entry, feedback("bom", *entry.ids, at=at), trial]


def parts(run: Any, table: str = "predictions") -> list[str]:
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
    return sorted(name for (name,) in run(query, [table]))


def rows_by_partition(run: Any, table: str = "predictions") -> dict[str, int]:
    return dict(run(f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1"))


def listed(store: Store, limit: int = 7, model: str = "wine") -> list[str]:
    """The ids of all pages."""
    found: list[Any] = []
    after = None
    while page := store.predictions(model, limit=limit, after=after):
        found += page
        after = Cursor(page[-1].time, page[-1].id)
    assert found == sorted(found, key=lambda each: (each.time, each.id), reverse=True)
    return [each.id for each in found]


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a lock for long, and nobody waits before the next attempt."""
    for room in (partitions, dropping):
        patch.setattr(room, "SET_LOCK_WAIT", "SET LOCAL lock_timeout = 50")
    patch.setattr(dropping, "TRIES", 1)
    patch.setattr(dropping, "PAUSE", 0)
    patch.setattr(partitions, "RETRY", 0)
