"""Which predictions are in the store, by their ids and by their callers' own ids."""

from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sql

from serving.recording.store.database import Database
from serving.recording.store.rows import predictions

MAX_IDS = 500  # in one query

EXISTING = sql.select(predictions.c.id).where(
    predictions.c.id.in_(sql.bindparam("ids", expanding=True))
)
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
            found.update(connection.execute(EXISTING, {"ids": ids}).scalars())
    return found


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
