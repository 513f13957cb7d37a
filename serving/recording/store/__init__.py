"""The store: predictions, feedback and what the monitor found, in SQLite or PostgreSQL."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Unpack

import sqlalchemy as sql

from serving.recording.entry import Entry
from serving.recording.store import (
    known,
    labelled,
    listing,
    migrations,
    new_feedback,
    purging,
    retention,
    subjects,
    trials,
    windows,
)
from serving.recording.store.additions import additions, write
from serving.recording.store.archived import Archived
from serving.recording.store.attempts import Attempts
from serving.recording.store.check_requests import CheckRequests
from serving.recording.store.database import Database
from serving.recording.store.deliveries import Deliveries
from serving.recording.store.erased import without_erased
from serving.recording.store.erasures import Erasures
from serving.recording.store.hosts import Hosts
from serving.recording.store.layouts import Layout, Layouts
from serving.recording.store.listing import Filters
from serving.recording.store.names import Names
from serving.recording.store.new_feedback import FeedbackPart, WindowState
from serving.recording.store.partitions import Partitions
from serving.recording.store.recent import Recent, count_between, count_recent
from serving.recording.store.reports import Reports
from serving.recording.store.rows import (
    Cursor,
    Feedback,
    Labelled,
    LabelledTrial,
    Position,
    Prediction,
    Trial,
)
from serving.recording.store.searching import Searches
from serving.recording.store.subjects import Recorded
from serving.recording.store.turns import Turn, Work, turn
from serving.recording.store.windows import Part, WindowLimits

POSITIONS = sql.text("SELECT name, position, torn FROM segments")
DELETE_POSITION = sql.text("DELETE FROM segments WHERE name = :name")


class Store:
    """Predictions and feedback; every method may raise `StoreError`.

    It connects when it is first used, so it can be created before a fork and used after.

    Parameters
    ----------
    days : int
        How long predictions are kept, for the size of PostgreSQL's partitions; 0 for ever.

    Attributes
    ----------
    reports : Reports
        The results of the monitor.
    check_requests : CheckRequests
        The checks that the monitor shall make at once.
    deliveries : Deliveries
        Messages that wait for the webhook.
    erasures : Erasures
        What was erased, without any value of it.
    hosts : Hosts
        The hosts that share the database.
    attempts : Attempts
        The latest retrainings.
    archived : Archived
        The files of the archive, and the rows that go into them.
    searches : Searches
        Predictions by their values and feedback.
    names : Names
        The fields and labels that predictions have.
    """

    def __init__(self, url: str, days: int = 0) -> None:
        self._database = Database(url)
        self._partitions = Partitions(self._database, days)
        self._layouts, self._added_layouts = Layouts(), set[Layout]()
        self.reports = Reports(self._database)
        self.check_requests = CheckRequests(self._database)
        self.deliveries = Deliveries(self._database)
        self.erasures = Erasures(self._database, self._layouts)
        self.hosts = Hosts(self._database)
        self.attempts = Attempts(self._database)
        self.archived = Archived(self._database, self._layouts)
        self.searches = Searches(self._database, self._layouts)
        self.names = Names(self._database)

    def migrate(self) -> None:
        """Create or update the tables; any number of processes may do so at once."""
        self._added_layouts.clear()  # it may be another database than before
        with self._database.reading(briefly=True) as connection:
            is_migrated = migrations.is_migrated(connection)
        if not is_migrated:  # which may take long
            with self._database.writing() as connection:
                migrations.migrate(connection)
        self._partitions.forget()

    def pending_migrations(self) -> list[str]:
        """Return the names of the migration steps that have not been applied yet."""
        with self._database.reading() as connection:
            return migrations.pending_migrations(connection)

    def monitor_turn(self) -> Turn:
        """Return the turn at checking models, which one of the hosts has."""
        return Turn(self._database, Work.MONITOR)

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._database.close()

    def add(self, entries: Iterable[Entry], positions: Mapping[str, Position]) -> None:
        """Add entries, and how far the journal has been read, in one transaction.

        Existing rows stay as they are, so entries may be added again, in any order. Feedback to
        erased predictions is left out, and so are their trials.
        """
        new = additions(entries)
        unknown = {each: new.layouts[each] for each in new.layouts.keys() - self._added_layouts}
        new = new._replace(layouts=unknown)
        if new.feedback or new.trials:
            with self._database.reading(briefly=True) as connection:
                new = new._replace(
                    feedback=without_erased(connection, new.feedback),
                    trials=without_erased(connection, new.trials),
                )
        if self._database.is_postgresql:
            self._partitions.prepare(new.times())
        with self._database.writing_at_once() as connection:
            write(connection, new, positions)
        self._added_layouts.update(unknown)

    def positions(self) -> dict[str, Position]:
        """Return how far each segment of the journal has been read, by the name of its file."""
        with self._database.reading(briefly=True) as connection:
            found = connection.execute(POSITIONS)
            return {name: Position(read, torn) for name, read, torn in found}

    def delete_positions(self, segments: Iterable[str]) -> None:
        """Delete the positions of segments that no longer exist."""
        if names := [{"name": name} for name in segments]:
            with self._database.writing_at_once() as connection:
                connection.execute(DELETE_POSITION, names)

    def prediction(self, prediction_id: str) -> tuple[Prediction, list[Feedback]] | None:
        """Return a prediction and all its feedback, the latest first."""
        return listing.prediction(self._database, self._layouts, prediction_id)

    def of_subject(self, keys: Sequence[str]) -> Iterator[Recorded]:
        """Yield all that is recorded under the keys of a person, page by page, the oldest first."""
        return subjects.pages(self._database, self._layouts, keys)

    def existing(self, prediction_ids: Sequence[str]) -> set[str]:
        """Return which of some ids there is a prediction for, or may be one in the archive."""
        found = known.existing(self._database, prediction_ids)
        return found | self.archived.may_have({*prediction_ids} - found)

    def named(
        self, own_ids: Sequence[str], models: Collection[str] | None = None
    ) -> dict[str, tuple[int, str, str]]:
        """Return how many predictions have each of some own ids, with the first and the last id.

        Parameters
        ----------
        models : collection of str, optional
            Only predictions of these.
        """
        return known.named(self._database, own_ids, models)

    def predictions(
        self,
        model: str,
        *,
        limit: int,
        after: Cursor | None = None,
        newer: bool = False,
        **filters: Unpack[Filters],
    ) -> list[Prediction]:
        """Return a page of a model's predictions, the newest first.

        Parameters
        ----------
        after : Cursor, optional
            The last prediction of the previous page.
        newer : bool
            Whether the page goes on to newer ones instead of older ones.
        """
        return listing.page(
            *(self._database, self._layouts, model, filters), limit=limit, after=after, newer=newer
        )

    def recent(self, model: str, since: int) -> Recent:
        """Count the predictions of a model since a time, and their requests; of many the latest."""
        return count_recent(self._database, model, since)

    def count(self, model: str, since: int, until: int) -> int:
        """Count a model's predictions between two times, up to `recent.MAX_COUNT`."""
        return count_between(self._database, model, since, until)

    def unmatched(self, older_than: int, limit: int) -> tuple[int, list[Feedback]]:
        """Count the feedback from before a time without a prediction, and return the latest."""
        return listing.unmatched(self._database, older_than, limit)

    def trial(self, model: str, version: int, *, numbers: bool) -> Trial:
        """Compare a version on trial with the live one, on the latest predictions.

        Parameters
        ----------
        numbers : bool
            Whether the model is a regression.
        """
        return trials.trial(self._database, model, version, numbers=numbers)

    def labelled(
        self, model: str, *, version: int | None = None, since: int = 0
    ) -> Iterator[Labelled]:
        """Yield a model's predictions with feedback since a time, the newest first.

        Parameters
        ----------
        version : int, optional
            All versions if not given.
        """
        return labelled.labelled(self._database, self._layouts, model, version, since)

    def labelled_trials(self, model: str, version: int, live: int) -> Iterator[LabelledTrial]:
        """Yield pairs of trial and live predictions with feedback, the oldest first."""
        return labelled.labelled_trials(self._database, self._layouts, model, version, live)

    def layout(self, number: int) -> Layout:
        """Return the names in records and probabilities that have a layout's number."""
        with self._database.reading(briefly=True) as connection:
            return self._layouts.find(connection, number)

    def window_state(self, limits: WindowLimits, after: int) -> WindowState:
        """Return the state of a window, and whether there is feedback after a place."""
        return new_feedback.window_state(self._database, limits, after)

    def window(self, limits: WindowLimits) -> Generator[Part]:
        """Yield the predictions of a window, the newest parts first."""
        return windows.window(self._database, self._layouts, limits)

    def last_place(self) -> int:
        """Return the place of the latest feedback."""
        return new_feedback.last_place(self._database)

    def new_feedback(self, limits: WindowLimits, after: int, last: int) -> Generator[FeedbackPart]:
        """Yield the feedback to a version after one place, up to and including another."""
        return new_feedback.new_feedback(self._database, limits, after, last)

    def delete_older(self, since: int) -> int:
        """Delete predictions from before a time with their feedback; return how many predictions.

        Also delete feedback that is as old and has no prediction. Others may write meanwhile. Of
        several hosts one does it; the others return 0.
        """
        with turn(self._database, Work.RETENTION) as is_mine:
            return retention.delete_older(self._database, since) if is_mine else 0

    def rewrite(self) -> None:
        """Remove all trace of deleted rows from SQLite's files; nobody may write meanwhile."""
        purging.rewrite(self._database)
