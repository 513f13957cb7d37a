"""Predictions whose truth is known by now: the questions to the database."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sql
from msgspec import Raw

from serving.store.database import Database
from serving.store.rows import Labelled, Tried, feedback, predictions, table

AT_ONCE = 1_000  # rows that are fetched together

_TRIED = ("prediction_id", "model", "version", "time", "prediction", "probabilities")
shadows = table("shadows", *_TRIED)

IS_KNOWN = sql.exists().where(feedback.c.prediction_id == predictions.c.id)
LATEST_FIRST = (feedback.c.time.desc(), feedback.c.actual.desc())
TRUTH = (
    sql.select(feedback.c.actual)
    .where(feedback.c.prediction_id == predictions.c.id)
    .order_by(*LATEST_FIRST)
    .limit(1)
    .scalar_subquery()
)
ANSWERS = sql.select(
    *(predictions.c[name] for name in ("time", "version", "record", "prediction", "probabilities")),
    TRUTH,
).where(IS_KNOWN)
BOTH = (
    sql.select(
        *(shadows.c.prediction, shadows.c.probabilities),
        *(predictions.c.prediction, predictions.c.probabilities),
        TRUTH,
    )
    .join_from(shadows, predictions, predictions.c.id == shadows.c.prediction_id)
    .where(IS_KNOWN)
)


def labelled(database: Database, model: str, version: int | None, since: int) -> Iterator[Labelled]:
    """Answers with the latest truth of each, the newest answer first."""
    column = predictions.c
    asked = ANSWERS.where((column.model == model) & (column.time >= since))
    if version is not None:
        asked = asked.where(column.version == version)
    asked = asked.order_by(column.time.desc(), column.id.desc())
    for time, by, record, prediction, chances, actual in _streamed(database, asked):
        probabilities = None if chances is None else Raw(chances)
        yield Labelled(time, by, Raw(record), Raw(prediction), probabilities, Raw(actual))


def tried(database: Database, model: str, version: int, live: int) -> Iterator[Tried]:
    """What a version on trial and the live one said where the truth is known, oldest first."""
    column = shadows.c
    asked = (
        BOTH.where((column.model == model) & (column.version == version))
        .where(predictions.c.version == live)
        .order_by(column.time, column.prediction_id)
    )
    for shadow, shadow_chances, answered, chances, actual in _streamed(database, asked):
        yield Tried(
            Raw(shadow),
            None if shadow_chances is None else Raw(shadow_chances),
            Raw(answered),
            None if chances is None else Raw(chances),
            Raw(actual),
        )


def _streamed(database: Database, asked: sql.Select[Any]) -> Iterator[Any]:
    with database.reading() as connection:
        streamed = connection.execution_options(yield_per=AT_ONCE)
        with streamed.execute(asked) as rows:  # which may be left before their end
            yield from rows
