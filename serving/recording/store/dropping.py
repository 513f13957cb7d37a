"""Delete what is too old from PostgreSQL's partitions, and drop those of which nothing is left."""

import logging
import time
from collections.abc import Iterator

import sqlalchemy as sql

from serving import clock
from serving.errors import StoreError
from serving.ids import PredictionId
from serving.recording.store.database import Database
from serving.recording.store.partitioning import KEYS
from serving.recording.store.partitions import (
    NEVER,
    SET_LOCK_WAIT,
    Partition,
    partitions_of,
)

log = logging.getLogger(__name__)

TRIES, PAUSE = 10, 2  # to drop partitions while others read; seconds between two
CHUNK = 10_000  # rows deleted in one transaction

COUNT = sql.text("SELECT count(*) FROM predictions WHERE time >= :first AND time < :end")
NEXT_ID = sql.text("""
    SELECT id FROM predictions WHERE id > :after AND time >= :first AND time < :end
    ORDER BY id LIMIT 1
""")
NEXT_TIME = sql.text("""
    SELECT model, time FROM predictions
    WHERE time >= :first AND time < :end AND (model, time) >= (:model, :at)
    ORDER BY model, time LIMIT 1
""")
DELETE_HOUR = sql.text("""
    DELETE FROM predictions WHERE model = :model AND time >= :first AND time < :end
""")
# With OFFSET each id is looked for; without it, all of a partition might be read for some of them.
_OF_PREDICTIONS = """
    prediction_id BETWEEN :low AND :high AND EXISTS (
        SELECT 1 FROM predictions WHERE id = prediction_id AND time >= :first AND time < :end
        OFFSET 0)
"""
DELETE_FEEDBACK = sql.text(f"""
    DELETE FROM feedback WHERE (prediction_id, actual) IN (
        SELECT prediction_id, actual FROM feedback WHERE {_OF_PREDICTIONS}
        ORDER BY prediction_id LIMIT {CHUNK})
    RETURNING prediction_id
""")  # noqa: S608 - the text is constant
# Those that were made later than their prediction; older ones go with partitions of their own.
DELETE_TRIALS = sql.text(f"""
    DELETE FROM trials WHERE time >= :end AND (prediction_id, version) IN (
        SELECT prediction_id, version FROM trials WHERE trials.time >= :end AND {_OF_PREDICTIONS}
        ORDER BY prediction_id LIMIT {CHUNK})
    RETURNING prediction_id
""")  # noqa: S608 - the text is constant


def delete_older(database: Database, since: int) -> int:
    """Delete predictions from before a time that are in a partition; return how many.

    Before that, delete the feedback to them and their trials. Partitions whose rows are all too old
    are dropped, unless others read for so long that it is left for the next time.
    """
    deleted, tries = 0, TRIES
    for table in KEYS:
        with database.reading() as connection:
            old = [each for each in partitions_of(connection, table) if each.first < since]
        for each in old:
            if table == "predictions":
                deleted += _delete_belonging(database, each._replace(end=min(each.end, since)))
            is_gone = False
            while each.end <= since and tries and not is_gone:
                is_gone = _drop(database, table, each)
                tries -= not is_gone
                time.sleep(0 if is_gone else PAUSE)
            if table == "predictions" and not is_gone:
                _delete_rows(database, each, since)
    return deleted


def _delete_belonging(database: Database, partition: Partition) -> int:
    """Delete feedback and trials of a partition's predictions; return how many of these it has."""
    times = {"first": partition.first, "end": partition.end}
    for low, high in _id_ranges(database, partition):
        for statement in (DELETE_FEEDBACK, DELETE_TRIALS):
            start, deleted = low, CHUNK
            while deleted == CHUNK:
                with database.writing() as connection:
                    bounds = {"low": start, "high": high, **times}
                    found = connection.scalars(statement, bounds).all()
                start, deleted = max(found, default=start), len(found)
    with database.reading() as connection:
        return connection.scalar(COUNT, times) or 0


def _id_ranges(database: Database, partition: Partition) -> Iterator[tuple[str, str]]:
    """Yield ranges that all ids of a partition are in, one for each version of a model."""
    after, times = "", {"first": partition.first, "end": partition.end}
    while True:
        with database.reading() as connection:
            found = connection.scalar(NEXT_ID, {"after": after, **times})
        if found is None:
            return
        made_by, after = PredictionId.read(found), found
        if made_by:
            stem = f"{made_by.model}.{made_by.version}."
            last = f"{stem}{min(partition.end, 16**11) - 1:011x}~"  # greater than all of this time
            after = max(found, last)
        yield found, after


def _delete_rows(database: Database, partition: Partition, since: int) -> None:
    """Delete the rows of a partition from before a time, an hour of a model in a transaction."""
    model, at = "", partition.first
    while True:
        bounds = {"first": partition.first, "end": partition.end, "model": model, "at": at}
        with database.reading() as connection:
            found = connection.execute(NEXT_TIME, bounds).first()
        if found is None:
            return
        model, at = found
        if at >= since:
            at = NEVER
            continue
        bounds = {"model": model, "first": at, "end": min(at + clock.HOUR, since)}
        with database.writing() as connection:
            connection.execute(DELETE_HOUR, bounds)
        at += clock.HOUR


def drop_empty(database: Database, before: int) -> int:
    """Drop the partitions of times before one that have no row any more; return how many."""
    dropped = 0
    for table in KEYS if database.is_postgresql else ():
        with database.reading() as connection:
            old = [each for each in partitions_of(connection, table) if each.end <= before]
            empty = [each for each in old if not _has_rows(connection, each)]
        dropped += sum(_drop(database, table, each, if_empty=True) for each in empty)
    return dropped


def _has_rows(connection: sql.Connection, partition: Partition) -> bool:
    query = f"SELECT 1 FROM {partition.name} LIMIT 1"  # noqa: S608 - the name is of the database
    return connection.exec_driver_sql(query).first() is not None


def _drop(database: Database, table: str, partition: Partition, *, if_empty: bool = False) -> bool:
    """Drop a partition, unless others read the table for too long; return whether it is gone."""
    try:
        with database.writing() as connection:
            run = connection.exec_driver_sql
            run(SET_LOCK_WAIT)
            run(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")
            if partition not in partitions_of(connection, table):
                return True  # another host has dropped it
            if if_empty and _has_rows(connection, partition):  # since it was looked at
                return False
            run(f"DROP TABLE {partition.name}")
    except StoreError as error:
        log.info("%s is not dropped yet: %s", partition.name, error)
        return False
    return True
