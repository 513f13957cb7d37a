"""Every prediction and what was learnt of it later, in SQLite or PostgreSQL."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sql

from serving.recording.entry import Entry
from serving.recording.store import labelled, migrations, new_feedback, retention, trials, windows
from serving.recording.store.additions import additions, write
from serving.recording.store.database import Database
from serving.recording.store.deliveries import Deliveries
from serving.recording.store.labelled import LATEST_FIRST, TRUTH
from serving.recording.store.layouts import Layouts
from serving.recording.store.new_feedback import FeedbackPart, WindowState
from serving.recording.store.reports import Reports
from serving.recording.store.rows import (
    Cursor,
    Feedback,
    Labelled,
    LabelledTrial,
    Position,
    Prediction,
    Trial,
    feedback,
    json,
    predictions,
)
from serving.recording.store.windows import Part, WindowLimits

PROCEED = sql.text("""
    INSERT INTO segments (name, position, torn) VALUES (:name, :read, :torn)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position, torn = excluded.torn
""")
POSITIONS = sql.text("SELECT name, position, torn FROM segments")
FORGET = sql.text("DELETE FROM segments WHERE name = :name")

AT_ONCE = 500  # ids in a question
KNOWN = sql.text("SELECT id FROM predictions WHERE id IN :ids").bindparams(
    sql.bindparam("ids", expanding=True)
)
IS_LABEL = sql.text("prediction LIKE '\"%'")  # word for word as in the index, to have it used
PREDICTIONS = sql.select(*predictions.c, TRUTH)
FEEDBACK = sql.select(*(feedback.c[name] for name in Feedback.__struct_fields__)).order_by(
    *LATEST_FIRST
)


class Store:
    """Predictions and feedback; every method may raise `StoreError`.

    Nothing is connected to before it is used: make it before a fork, use it after.

    Attributes
    ----------
    reports : Reports
        What the monitor found in them.
    deliveries : Deliveries
        What a webhook is to be told of it.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._layouts = Layouts()
        self.reports = Reports(self._database)
        self.deliveries = Deliveries(self._database)

    def migrate(self) -> None:
        """Make the tables, or bring them up to date; any number of processes may do so at once."""
        with self._database.writing() as connection:
            migrations.migrate(connection)

    def pending_migrations(self) -> list[str]:
        """Names of the migration steps that the tables still lack."""
        with self._database.reading() as connection:
            return migrations.pending_migrations(connection)

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._database.close()

    def add(self, entries: Iterable[Entry], positions: Mapping[str, Position]) -> None:
        """Add entries and how far the journal is read: all of it, or nothing.

        What is there already is left as it is, so entries may be added again, in any order.
        """
        new = additions(entries)
        proceeded = [{"name": name, **at._asdict()} for name, at in positions.items()]
        with self._database.writing() as connection:
            write(connection, new)
            if proceeded:
                connection.execute(PROCEED, proceeded)

    def positions(self) -> dict[str, Position]:
        """How far each segment of the journal is read."""
        with self._database.reading() as connection:
            found = connection.execute(POSITIONS)
            return {name: Position(read, torn) for name, read, torn in found}

    def delete_positions(self, segments: Iterable[str]) -> None:
        """Drop the positions of segments that are gone."""
        if names := [{"name": name} for name in segments]:
            with self._database.writing() as connection:
                connection.execute(FORGET, names)

    def prediction(self, prediction_id: str) -> tuple[Prediction, list[Feedback]] | None:
        """One prediction and all that was said of it, the latest first."""
        with self._database.reading() as connection:
            row = connection.execute(PREDICTIONS.where(predictions.c.id == prediction_id)).first()
            if row is None:
                return None
            said = connection.execute(FEEDBACK.where(feedback.c.prediction_id == prediction_id))
            return self._read(connection, row), [Feedback.of(each) for each in said]

    def existing(self, prediction_ids: Sequence[str]) -> set[str]:
        """Those of some ids that there is a prediction of."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for at in range(0, len(prediction_ids), AT_ONCE):
                some = {"ids": prediction_ids[at : at + AT_ONCE]}
                found.update(connection.execute(KNOWN, some).scalars())
        return found

    def predictions(
        self,
        model: str,
        *,
        since: int | None = None,
        until: int | None = None,
        version: int | None = None,
        label: str | None = None,
        limit: int,
        after: Cursor | None = None,
    ) -> list[Prediction]:
        """A page of a model's predictions, the newest first.

        Parameters
        ----------
        since, until : int, optional
            Milliseconds since 1970, UTC: the first to include, and the first not to.
        after : Cursor, optional
            The last prediction of the page before.
        """
        column = predictions.c
        bounds = [] if after is None else [after]
        if until is not None:
            bounds.append(Cursor(until, ""))
        page = PREDICTIONS.where(column.model == model)
        if since is not None:
            page = page.where(column.time >= since)
        if bounds:  # the lowest alone: of two, SQLite may start at the wrong one
            page = page.where(sql.tuple_(column.time, column.id) < sql.tuple_(*min(bounds)))
        if version is not None:
            page = page.where(column.version == version)
        if label is not None:
            page = page.where(column.prediction == json(label), IS_LABEL)
        page = page.order_by(column.time.desc(), column.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [self._read(connection, row) for row in connection.execute(page)]

    def _read(self, connection: sql.Connection, row: Sequence[Any]) -> Prediction:
        *known, layout, actual = row
        return Prediction.of(known, actual, self._layouts.find(connection, layout))

    def unmatched(self, older_than: int, limit: int) -> tuple[int, list[Feedback]]:
        """Feedback of before a time that fits no prediction: how much, and the latest of it."""
        known = sql.exists().where(predictions.c.id == feedback.c.prediction_id)
        lost = (feedback.c.early == 1) & (feedback.c.time < older_than) & ~known
        count = sql.select(sql.func.count()).select_from(feedback).where(lost)
        with self._database.reading() as connection:
            found = connection.execute(FEEDBACK.where(lost).limit(limit))
            return connection.scalar(count) or 0, [Feedback.of(row) for row in found]

    def trial(self, model: str, version: int, *, numbers: bool) -> Trial:
        """How a version that is tried compares with the live one, on the latest predictions."""
        asked = {"model": model, "version": version, "most": trials.MOST}
        with self._database.reading() as connection:
            row = connection.execute(trials.NUMBERS if numbers else trials.LABELS, asked).one()
        return Trial(version, *row)

    def labelled(
        self, model: str, *, version: int | None = None, since: int = 0
    ) -> Iterator[Labelled]:
        """A model's answers of a time on whose truth is known, the newest first, as they are read.

        Parameters
        ----------
        version : int, optional
            Of all versions if not given.
        """
        return labelled.labelled(self._database, self._layouts, model, version, since)

    def labelled_trials(self, model: str, version: int, live: int) -> Iterator[LabelledTrial]:
        """What a version on trial and the live one said where the truth is known, oldest first."""
        return labelled.labelled_trials(self._database, self._layouts, model, version, live)

    def window_state(self, limits: WindowLimits, after: int) -> WindowState:
        """How a window stands, and whether feedback came after a place."""
        return new_feedback.window_state(self._database, limits, after)

    def window(self, limits: WindowLimits) -> Generator[Part]:
        """The predictions of a window, the newest parts first."""
        return windows.window(self._database, self._layouts, limits)

    def last_place(self) -> int:
        """The place of the feedback that came last."""
        return new_feedback.last_place(self._database)

    def new_feedback(self, limits: WindowLimits, after: int, last: int) -> Generator[FeedbackPart]:
        """Feedback to a version by its place, after one and up to another."""
        return new_feedback.new_feedback(self._database, limits, after, last)

    def delete_older(self, since: int) -> int:
        """Delete the predictions of before a time with their feedback; count the predictions.

        Feedback that is as old and fits no prediction goes too. Others may write meanwhile.
        """
        return retention.delete_older(self._database, since)

    def rewrite(self) -> None:
        """Leave no byte of what was deleted in SQLite's files; nobody else may write meanwhile."""
        self._database.rewrite()
        retention.empty_log(self._database)
