"""Finds predictions to be shown: one with its feedback, or a page of them; and stray feedback."""

from collections.abc import Sequence
from typing import Any, TypedDict

import sqlalchemy as sql

from serving import ids
from serving.recording.store.database import Database
from serving.recording.store.labelled import ACTUAL, LATEST_FIRST
from serving.recording.store.layouts import Layouts
from serving.recording.store.rows import (
    IN_TIME_RANGE,
    Cursor,
    Feedback,
    Prediction,
    feedback,
    json,
    predictions,
)

IS_LABEL = sql.text("prediction LIKE '\"%'")  # exactly as in the index, or it is not used
PREDICTIONS = sql.select(*predictions.c, ACTUAL)
ONE = PREDICTIONS.where(predictions.c.id == sql.bindparam("id"), IN_TIME_RANGE)
FEEDBACK = sql.select(*(feedback.c[name] for name in Feedback.__struct_fields__)).order_by(
    *LATEST_FIRST
)


class Filters(TypedDict, total=False):
    """Which predictions of a model are listed: all that fit each filter that is not None.

    Attributes
    ----------
    since, until : int
        Milliseconds since 1970, UTC; `until` is excluded.
    """

    since: int | None
    until: int | None
    version: int | None
    label: str | None
    own_id: str | None


def prediction(
    database: Database, layouts: Layouts, prediction_id: str
) -> tuple[Prediction, list[Feedback]] | None:
    """Return a prediction and all its feedback, the latest first."""
    with database.reading() as connection:
        for made in (ids.time_range([prediction_id]), ids.ANY_TIME):
            bound = {"id": prediction_id, **made._asdict()}
            if row := connection.execute(ONE, bound).first():
                break
        if row is None:
            return None
        given = connection.execute(FEEDBACK.where(feedback.c.prediction_id == prediction_id))
        return read(connection, layouts, row), [Feedback.of(each) for each in given]


def page(
    database: Database,
    layouts: Layouts,
    model: str,
    filters: Filters,
    *,
    limit: int,
    after: Cursor | None,
    newer: bool,
) -> list[Prediction]:
    """Return a page of a model's predictions, the newest first."""
    query = in_order(PREDICTIONS, database, model, filters, after, newer=newer).limit(limit)
    with database.reading() as connection:
        found = [read(connection, layouts, row) for row in connection.execute(query)]
    return found[::-1] if newer else found


def in_order(
    query: sql.Select[Any],
    database: Database,
    model: str,
    filters: Filters,
    after: Cursor | None = None,
    *,
    newer: bool = False,
) -> sql.Select[Any]:
    """Have a query select only predictions of a model that fit filters, the newest first.

    Parameters
    ----------
    newer : bool
        Whether those newer than `after` are selected, the oldest first.
    """
    column = predictions.c
    bounds = [] if after is None or newer else [after]
    if (until := filters.get("until")) is not None:
        bounds.append(Cursor(until, ""))
    query = query.where(column.model == model)
    if (since := filters.get("since")) is not None:
        query = query.where(column.time >= since)
    if bounds:  # only the lowest: with two, SQLite may start at the wrong one
        last = min(bounds)
        if database.is_postgresql:  # whose partitions are chosen by this
            query = query.where(column.time <= last.time)
        query = query.where(sql.tuple_(column.time, column.id) < sql.tuple_(*last))
    if (label := filters.get("label")) is not None:
        query = query.where(column.prediction == json(label), IS_LABEL)
    equal = {"version": filters.get("version"), "own_id": filters.get("own_id")}
    query = query.where(*(column[name] == each for name, each in equal.items() if each is not None))
    if not newer:
        return query.order_by(column.time.desc(), column.id.desc())
    if after is not None:
        query = query.where(column.time >= after.time)
        query = query.where(sql.tuple_(column.time, column.id) > sql.tuple_(*after))
    return query.order_by(column.time, column.id)


def unmatched(database: Database, older_than: int, limit: int) -> tuple[int, list[Feedback]]:
    """Count the feedback from before a time without a prediction, and return the latest."""
    has_prediction = sql.exists().where(predictions.c.id == feedback.c.prediction_id)
    is_unmatched = (feedback.c.early == 1) & (feedback.c.time < older_than) & ~has_prediction
    count = sql.select(sql.func.count()).select_from(feedback).where(is_unmatched)
    with database.reading() as connection:
        found = connection.execute(FEEDBACK.where(is_unmatched).limit(limit))
        return connection.scalar(count) or 0, [Feedback.of(row) for row in found]


def read(connection: sql.Connection, layouts: Layouts, row: Sequence[Any]) -> Prediction:
    """Return the prediction that a row of `PREDICTIONS` is."""
    *values, layout, actual = row
    return Prediction.of(values, actual, layouts.find(connection, layout))
