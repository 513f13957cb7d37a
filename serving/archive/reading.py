"""The recorded predictions of a model, from the archive and the store as one.

    wanted = Wanted("wine", version=3, since=…)
    for batch in read(store, settings.archive_url, wanted, ["time", "actual_label"]):
        …

Each prediction comes once, with the feedback that came after it was archived, also while a run of
the archive moves it. Memory is bounded: a row group of each file that overlaps in time, and a page
of the store.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pyarrow as pa
from pyarrow import compute as pc

from serving.archive import files, layout
from serving.archive.feedback import add_feedback, feedback_value
from serving.archive.rows import make_table
from serving.archive.stream import Stream, count
from serving.recording.store import Store
from serving.recording.store.archive_files import ArchivedFile
from serving.recording.store.archived import END, START, Wanted
from serving.recording.store.rows import Cursor

PAGE = 5_000  # rows of the store

Late = dict[str, list[dict[str, Any]]]


def read(
    store: Store,
    url: str,
    wanted: Wanted,
    columns: Sequence[str],
    *,
    newest_first: bool = True,
    with_feedback: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield the columns of a model's predictions, sorted by time and id.

    Parameters
    ----------
    url : str
        `ARCHIVE_URL`; empty to read the store alone.
    columns : sequence of str
        As `layout` names them: `number_alcohol`, `prediction_label`, `actual_number`. One that no
        prediction has is null in all rows.
    with_feedback : bool
        Whether only predictions with feedback are read.

    Raises
    ------
    ArchiveError
        If a file is missing or damaged; it names the file.
    StoreError
    """
    with _Merge(store, url, wanted, columns, newest_first=newest_first) as merge:
        for table in merge.tables():
            if with_feedback:
                table = table.filter(pc.is_valid(table.column("actual_time")))  # noqa: PLW2901
            if table.num_rows:
                yield from table.select([*columns]).combine_chunks().to_batches()


class _Merge:
    """Merges the files that overlap in time, and the store, from one end to the other."""

    def __init__(
        self, store: Store, url: str, wanted: Wanted, columns: Sequence[str], *, newest_first: bool
    ) -> None:
        self._archived, self._url, self._wanted = store.archived, url, wanted
        self._newest_first = newest_first
        needed = dict.fromkeys(["time", "id", "version", *layout.OF_FEEDBACK[:3], *columns])
        self._schema = pa.schema([(name, layout.type_of(name)) for name in needed])
        self._cursor = END if newest_first else START
        self._page, self._page_end = self._schema.empty_table(), self._cursor
        self._streams: dict[str, Stream] = {}
        self._passed: set[str] = set()  # files of which all is read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close(self._streams)

    def tables(self) -> Iterator[pa.Table]:
        """Yield tables one after the other, in the order of time and id."""
        last = START if self._newest_first else END
        while self._cursor != last:
            if not self._page.num_rows and self._page_end == self._cursor:
                self._read_page(last)
            bound = self._open_streams()
            if bound is None:
                continue
            archived = [each.until(bound) for each in self._streams.values()]
            archived = [each for each in archived if each.num_rows]
            late = self._late_feedback(archived)
            # Feedback leaves the store once a file that has it counts in place of another. If none
            # has been replaced by now, it was still there.
            if not self._streams.keys() <= {each.name for each in self._files()}:
                continue
            yield self._merged(archived, late, bound)
            self._advance(bound)

    def _read_page(self, last: Cursor) -> None:
        """Read the next rows of the store, before it is known which files count.

        So a row that is moved meanwhile is read twice rather than never.
        """
        rows = self._archived.page(
            self._wanted, self._cursor, PAGE, newest_first=self._newest_first
        )
        self._page = layout.conform(make_table(rows), self._schema)
        is_last = self._page.num_rows < PAGE
        self._page_end = (
            last if is_last else Cursor(rows.predictions[-1][1], rows.predictions[-1][0])
        )

    def _files(self) -> list[ArchivedFile]:
        found = self._archived.files(self._wanted.model, self._wanted.since, self._wanted.until)
        if found and not self._url:
            raise files.missing("ARCHIVE_URL", found[0])
        return sorted(found, key=self._start)

    def _start(self, file: ArchivedFile) -> int:
        """Return where a file begins, in a number that rises in the order of reading."""
        return -file.last if self._newest_first else file.first

    def _open_streams(self) -> Cursor | None:
        """Open the files that come next; return up to where all of them are read.

        None if one has been deleted since it was listed.
        """
        listed = self._files()
        self._close(self._streams.keys() - {each.name for each in listed})
        ends = [self._page_end, *(each.end for each in self._streams.values())]
        for file in listed:
            if file.name in self._streams or file.name in self._passed:
                continue
            nearest = min(ends, key=self._order)
            time = -nearest.time if self._newest_first else nearest.time
            if self._start(file) > time:
                break
            try:
                stream = Stream(self._url, file, self._wanted, self._schema, self._beyond)
            except FileNotFoundError:
                if file.name in {each.name for each in self._files()}:
                    raise files.missing(self._url, file) from None
                return None
            self._streams[file.name] = stream
            stream.skip(self._cursor)
            ends.append(stream.end)
        return min(ends, key=self._order)

    def _order(self, at: Cursor) -> Any:
        return _Reversed(at) if self._newest_first else at

    def _beyond(self, at: Cursor, bound: Cursor) -> bool:
        return at < bound if self._newest_first else at > bound

    def _late_feedback(self, archived: Sequence[pa.Table]) -> Late:
        """Return the feedback in the store to rows of the archive, by the ids of these."""
        late: Late = defaultdict(list)
        for table in archived:
            ranges = table.group_by("version").aggregate([("id", "min"), ("id", "max")])
            for each in ranges.to_pylist():
                for row in self._archived.feedback_between(each["id_min"], each["id_max"]):
                    late[row[0]].append(feedback_value(row))
        return late

    def _merged(self, archived: list[pa.Table], late: Late, bound: Cursor) -> pa.Table:
        page = self._page.slice(0, count(self._page, bound, self._beyond))
        if not archived:
            return page
        if late:
            archived = [add_feedback(each, late) for each in archived]
        found = pa.concat_tables(archived)
        if page.num_rows:
            in_both = pc.is_in(page.column("id"), value_set=found.column("id").combine_chunks())
            found = pa.concat_tables([found, page.filter(pc.invert(in_both))])
        if len(archived) + bool(page.num_rows) == 1:
            return found
        order = "descending" if self._newest_first else "ascending"
        return found.take(pc.sort_indices(found, [("time", order), ("id", order)]))

    def _advance(self, bound: Cursor) -> None:
        self._page = self._page.slice(count(self._page, bound, self._beyond))
        for each in self._streams.values():
            each.skip(bound)
        over = [name for name, each in self._streams.items() if each.is_over]
        self._passed.update(over)
        self._close(over)
        self._cursor = bound

    def _close(self, names: Any) -> None:
        for name in [*names]:
            self._streams.pop(name).close()


class _Reversed:
    """A cursor that is less than those that are greater."""

    def __init__(self, at: Cursor) -> None:
        self._at = at

    def __lt__(self, other: "_Reversed") -> bool:
        return other._at < self._at
