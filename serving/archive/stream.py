"""The rows of one file of the archive, a row group at a time."""

from bisect import bisect_left
from collections.abc import Callable
from contextlib import ExitStack

import pyarrow as pa
from pyarrow import compute as pc

from serving.archive import files, layout
from serving.recording.store.archive_files import ArchivedFile
from serving.recording.store.archived import END, START, Wanted
from serving.recording.store.rows import Cursor

Beyond = Callable[[Cursor, Cursor], bool]  # whether a row comes after another, in either order


class Stream:
    """The rows of a file, a row group at a time.

    Attributes
    ----------
    is_over : bool
        Whether no row is left.
    """

    def __init__(
        self, url: str, file: ArchivedFile, wanted: Wanted, schema: pa.Schema, beyond: Beyond
    ) -> None:
        self._wanted, self._schema, self._beyond = wanted, schema, beyond
        self._newest_first = beyond(START, END)
        self._open = ExitStack()
        try:
            self._content = self._open.enter_context(files.opened(url, file))
        except BaseException:
            self._open.close()
            raise
        groups = range(self._content.num_row_groups)
        self._groups = iter(reversed(groups) if self._newest_first else groups)
        has = {*self._content.schema_arrow.names}
        self._names = [name for name in schema.names if name in has]
        self._table = schema.empty_table()
        self.is_over = False
        self._load()

    @property
    def end(self) -> Cursor:
        """The last row that is loaded; all other rows of the file are beyond it."""
        if self.is_over:
            return START if self._newest_first else END
        return key(self._table, self._table.num_rows - 1)

    def until(self, bound: Cursor) -> pa.Table:
        """Return the loaded rows up to a bound."""
        return self._table.slice(0, count(self._table, bound, self._beyond))

    def skip(self, bound: Cursor) -> None:
        """Leave out rows up to a bound."""
        while not self.is_over:
            self._table = self._table.slice(count(self._table, bound, self._beyond))
            if self._table.num_rows:
                return
            self._load()

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def _load(self) -> None:
        """Load the next row group that has a row that is wanted."""
        for group in self._groups:
            table = self._content.read_row_group(group, self._names)
            time = table.column("time").cast(pa.int64())
            keep = pc.and_(
                pc.greater_equal(time, self._wanted.since), pc.less(time, self._wanted.until)
            )
            if self._wanted.version is not None:
                keep = pc.and_(keep, pc.equal(table.column("version"), self._wanted.version))
            table = layout.conform(table.filter(keep), self._schema)
            if table.num_rows:
                if self._newest_first:
                    table = table.take(pa.array(range(table.num_rows - 1, -1, -1), pa.int64()))
                self._table = table.combine_chunks()
                return
        self._table, self.is_over = self._schema.empty_table(), True


def key(table: pa.Table, place: int) -> Cursor:
    """Return time and id of a row."""
    return Cursor(table.column("time")[place].value, table.column("id")[place].as_py())


def count(table: pa.Table, bound: Cursor, beyond: Beyond) -> int:
    """Return how many of the sorted rows are not beyond a bound."""
    return bisect_left(
        range(table.num_rows), 1, key=lambda place: int(beyond(key(table, place), bound))
    )
