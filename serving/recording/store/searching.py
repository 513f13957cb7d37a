"""Finds predictions by what no index has: their values and their feedback.

A search reads from the newest prediction on, a chunk at a time, and ends after so many that the
response stays quick. It returns where it ended, so that the next one can go on from there.
"""

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, NamedTuple, Unpack

import sqlalchemy as sql

from serving import ids
from serving.recording.store.database import Database
from serving.recording.store.labelled import actual
from serving.recording.store.layouts import Layout, Layouts
from serving.recording.store.listing import PREDICTIONS, Filters, in_order, page, read
from serving.recording.store.rows import IN_TIME_RANGE, Cursor, Prediction, feedback, predictions

FIRST_CHUNK, CHUNK = 500, 8_000  # rows that are read in one transaction
MAX_ROWS = 200_000  # that one search reads
MAX_SECONDS = 2.0  # after which a search ends
MAX_LISTED = 1_000_000  # rows of a list that is written as one file; spreadsheets have 1,048,576

OPTIONAL = ("key", "own_id", "interval")  # which a prediction may be without

_COLUMNS = ("time", "id", "version", "record", "prediction", "probabilities", "interval", "layout")
_VALUES = sql.select(*(predictions.c[name] for name in _COLUMNS))
_PLACES = sql.select(predictions.c.time, predictions.c.id)
_BY_ID = PREDICTIONS.where(
    predictions.c.id.in_(sql.bindparam("ids", expanding=True)), IN_TIME_RANGE
)


class Candidate(NamedTuple):
    """A prediction, as far as a condition may look at it; JSON is decoded by whoever needs it.

    Attributes
    ----------
    fields, record : str
        JSON arrays of the record's names and values.
    classes, probabilities : str
        JSON arrays; `probabilities` is None where there are none.
    interval : str or None
        JSON object: low and high.
    prediction, actual : str
        JSON; `actual` is None without feedback.
    """

    version: int
    fields: str
    record: str
    prediction: str
    classes: str
    probabilities: str | None
    interval: str | None
    actual: str | None


class Conditions(NamedTuple):
    """What predictions must fit beside the filters that indexes have.

    Attributes
    ----------
    feedback : bool or None
        Whether there must be feedback, or none; None for either.
    fits : sequence of callable
        Each of them returns whether a candidate fits.
    """

    feedback: bool | None = None
    fits: Sequence[Callable[[Candidate], bool]] = ()


class Found(NamedTuple):
    """What a search found.

    Attributes
    ----------
    predictions : list of Prediction
        The newest first.
    after : Cursor or None
        Where the next search goes on; None if there are no other predictions.
    stopped : bool
        Whether the search ended before the page was full, as it had read enough.
    """

    predictions: list[Prediction]
    after: Cursor | None
    stopped: bool


class Extent(NamedTuple):
    """What the predictions that fit filters have, as far as one file may list them.

    Attributes
    ----------
    layouts : list of Layout
        Of all rows.
    filled : frozenset of str
        Which of `OPTIONAL` any row has.
    first : Cursor or None
        The first row of the file, if there is any: newer ones have come meanwhile.
    last : Cursor or None
        The last row of the file, if there are more than it may have.
    """

    layouts: list[Layout]
    filled: Collection[str]
    first: Cursor | None
    last: Cursor | None


class Searches:
    """Searches of a database's predictions; every method may raise `StoreError`."""

    def __init__(self, database: Database, layouts: Layouts) -> None:
        self._database, self._layouts = database, layouts

    def find(
        self,
        model: str,
        conditions: Conditions,
        *,
        limit: int,
        after: Cursor | None = None,
        newer: bool = False,
        **filters: Unpack[Filters],
    ) -> Found:
        """Find the next predictions of a model that fit filters and conditions, the newest first.

        Parameters
        ----------
        after : Cursor, optional
            Where the previous search ended.
        newer : bool
            Whether it goes on to newer ones instead of older ones.
        """
        if conditions == Conditions():
            selected = (self._database, self._layouts, model, filters)
            listed = page(*selected, limit=limit, after=after, newer=newer)
            last = listed[0 if newer else -1] if len(listed) == limit else None
            return Found(listed, Cursor(last.time, last.id) if last else None, stopped=False)
        found: list[Prediction] = []
        order = slice(None, None, -1 if newer else 1)
        latest, size, looked_at = time.monotonic() + MAX_SECONDS, FIRST_CHUNK, 0
        while True:
            next_ones = partial(
                in_order, database=self._database, model=model, filters=filters, after=after
            )
            with self._database.reading() as connection:
                end = next_ones(_PLACES, newer=newer).limit(1).offset(size - 1)
                row = connection.execute(end).first()
                rows = next_ones(_VALUES, newer=newer).limit(size)
                made = connection.execute(_with_feedback(rows, conditions))
                chunk = sorted(made, reverse=not newer)
                fitting = self._fitting(connection, chunk, conditions, limit - len(found))
                found += self._read(connection, fitting)[order]
            if len(found) == limit:
                after = Cursor(found[-1].time, found[-1].id)
                return Found(found[order], after, stopped=False)
            if row is None:
                return Found(found[order], None, stopped=False)
            after, looked_at, size = Cursor(*row), looked_at + size, min(2 * size, CHUNK)
            if looked_at >= MAX_ROWS or time.monotonic() > latest:
                return Found(found[order], after, stopped=True)

    def _fitting(
        self,
        connection: sql.Connection,
        chunk: Sequence[Any],
        conditions: Conditions,
        limit: int,
    ) -> list[Cursor]:
        found: list[Cursor] = []
        for made, prediction_id, version, record, prediction, *others in chunk:
            probabilities, interval, number, latest = others
            fields, classes = self._layouts.find(connection, number)
            candidate = Candidate(
                *(version, fields, record, prediction, classes, probabilities, interval, latest)
            )
            if all(fits(candidate) for fits in conditions.fits):
                found.append(Cursor(made, prediction_id))
                if len(found) == limit:
                    break
        return found

    def _read(self, connection: sql.Connection, places: list[Cursor]) -> list[Prediction]:
        if not places:
            return []
        times = ids.TimeRange(min(places).time, max(places).time)
        bound = {"ids": [each.id for each in places], **times._asdict()}
        rows = connection.execute(_BY_ID, bound)
        made = (read(connection, self._layouts, row) for row in rows)
        return sorted(made, key=lambda each: (each.time, each.id), reverse=True)

    def extent(
        self, model: str, *, after: Cursor | None = None, **filters: Unpack[Filters]
    ) -> Extent:
        """Look through the rows that one file may list, before they are written."""
        columns = (predictions.c[name] for name in ("layout", *OPTIONAL))
        rows = in_order(sql.select(*columns), self._database, model, filters, after)
        made = rows.limit(MAX_LISTED).subquery().c
        counts = (sql.func.count(made[name]) for name in OPTIONAL)
        query = sql.select(made.layout, *counts).group_by(made.layout)
        places = in_order(_PLACES, self._database, model, filters, after)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
            first = connection.execute(places.limit(1)).first()
            last = connection.execute(places.limit(1).offset(MAX_LISTED - 1)).first()
            filled = {
                name
                for _, *counted in found
                for name, count in zip(OPTIONAL, counted, strict=True)
                if count
            }
            own = [self._layouts.find(connection, number) for number, *_ in found]
        ends = (Cursor(*each) if each else None for each in (first, last))
        return Extent(own, filled, *ends)


def _with_feedback(rows: sql.Select[Any], conditions: Conditions) -> sql.Select[Any]:
    """Select those of some rows that fit as to whether they have feedback, with the latest."""
    made = rows.subquery().c
    needs_actual = conditions.feedback and conditions.fits
    query = sql.select(*made, actual(made.id) if needs_actual else sql.null())
    if conditions.feedback is None:
        return query
    given = sql.select(sql.literal(1)).where(feedback.c.prediction_id == made.id)
    is_given = given.offset(0).exists()  # or PostgreSQL may join, for which it reads all feedback
    return query.where(is_given if conditions.feedback else ~is_given)
