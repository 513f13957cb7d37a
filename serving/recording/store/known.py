"""Which predictions are in the store, by their ids and by their callers' own ids."""

from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sql

from serving.ids import ANY_TIME, TimeRange, time_range
from serving.recording.store.database import Database
from serving.recording.store.rows import predictions

MAX_IDS = 500  # in one query

EXISTING = sql.select(predictions.c.id).where(
    predictions.c.id.in_(sql.bindparam("ids", expanding=True))
)
# Each id is looked for in the partition of its time; a list of ids would be in all of them.
WITHIN = sql.text("""
    SELECT wanted.id
    FROM unnest(CAST(:ids AS text[]), CAST(:first AS bigint[]), CAST(:last AS bigint[]))
        AS wanted (id, first, last)
    WHERE EXISTS (
        SELECT 1 FROM predictions
        WHERE id = wanted.id AND time BETWEEN wanted.first AND wanted.last OFFSET 0)
""")
NAMED = (
    sql.select(predictions.c.own_id, sql.func.count())
    .add_columns(sql.func.min(predictions.c.id), sql.func.max(predictions.c.id))
    .where(predictions.c.own_id.in_(sql.bindparam("ids", expanding=True)))
    .group_by(predictions.c.own_id)
)


def existing(database: Database, prediction_ids: Sequence[str]) -> set[str]:
    """Return which of some ids there is a prediction for."""
    found: set[str] = set()
    with database.reading() as connection:
        for ids in _chunks(prediction_ids):
            if database.is_postgresql:
                found |= _within(connection, ids, [time_range([each]) for each in ids])
                others = [each for each in ids if each not in found]
                found |= _within(connection, others, [ANY_TIME] * len(others))
            else:
                found.update(connection.execute(EXISTING, {"ids": ids}).scalars())
    return found


def _within(
    connection: sql.Connection, ids: Sequence[str], ranges: Sequence[TimeRange]
) -> set[str]:
    """Return which of some ids there is a prediction for, made in its range of times."""
    bounds = {"first": [each.first for each in ranges], "last": [each.last for each in ranges]}
    return set(connection.scalars(WITHIN, {"ids": list(ids), **bounds})) if ids else set()


def named(
    database: Database, own_ids: Sequence[str], models: Collection[str] | None
) -> dict[str, tuple[int, str, str]]:
    """Return how many predictions have each of some own ids, with the first and the last id."""
    query = NAMED if models is None else NAMED.where(predictions.c.model.in_(models))
    found: dict[str, tuple[int, str, str]] = {}
    with database.reading() as connection:
        for ids in _chunks(own_ids):
            for own_id, count, first, last in connection.execute(query, {"ids": ids}):
                found[own_id] = count, first, last
    return found


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + MAX_IDS] for at in range(0, len(ids), MAX_IDS))
