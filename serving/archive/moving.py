"""Moves what is old from the store into files."""

from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
from pyarrow import compute as pc

from serving import clock
from serving.archive import files, layout
from serving.archive.changes import PAGE, Changes
from serving.archive.rows import is_same, make_table, moved, restore
from serving.errors import ArchiveError
from serving.ids import TimeRange
from serving.recording.store.archive_files import ArchivedFile
from serving.recording.store.archived import END, START, Wanted
from serving.recording.store.rows import Cursor

MAX_ROWS, MAX_BYTES = 1_000_000, 2**26  # of a file, in memory
TRIES = 3  # to write what changes meanwhile


def days(changes: Changes, before: int, model: str | None = None) -> Iterator[Wanted]:
    """Yield the days of each model that the store has predictions of from before a time."""
    name, at = model or "", START.time
    while (found := changes.archived.next_row(name, at)) and model in {None, found[0]}:
        name, at = found
        if at >= before:
            at = END.time
            continue
        wanted = Wanted(name, None, at, min(clock.day_of(at) + clock.DAY, before))
        yield wanted
        at = wanted.until


def move(changes: Changes, wanted: Wanted) -> Iterator[ArchivedFile]:
    """Move the predictions of a model and a day; yield the files that are written."""
    while wanted.since < wanted.until:
        with changes.turn():
            file, end = _move(changes, wanted)
        if file:
            yield file
        wanted = wanted._replace(since=end)


def _move(changes: Changes, wanted: Wanted) -> tuple[ArchivedFile | None, int]:
    """Move as many rows as a file may have; return from when on others are, too."""
    is_stored = partial(_is_stored, changes)
    for _ in range(TRIES):
        table, end = _read(changes, wanted)
        others = changes.archived.files(wanted.model, wanted.since, end)
        is_known = pc.is_in(table.column("id"), _ids(changes, others))
        new = table.filter(pc.invert(is_known))
        file = None
        if new.num_rows:
            names = [each.name for each in others]
            file = changes.replace(wanted.model, new, (), is_stored, beside=names)
        if file or not new.num_rows:
            if new.num_rows < table.num_rows:  # recorded again, though they are archived
                again = moved(table.filter(is_known))
                # Their feedback may be newer: it is left for `merge_feedback`.
                changes.archived.delete_moved(again._replace(feedback=[]))
            return file, end
    raise ArchiveError(
        f"the predictions of {wanted.model} from {clock.to_seconds(wanted.since)} on change while "
        "they are archived; they stay in the store"
    )


def _read(changes: Changes, wanted: Wanted) -> tuple[pa.Table, int]:
    """Read as many rows as a file may have, and all those of the last millisecond."""
    tables = [layout.OWN.empty_table()]
    rows, size, last = 0, 0, START
    while page := changes.archived.page(wanted, last, PAGE).if_any():
        tables.append(make_table(page))
        rows, size = rows + len(page.predictions), size + tables[-1].nbytes
        last = Cursor(page.predictions[-1][1], page.predictions[-1][0])
        if rows >= MAX_ROWS or size >= MAX_BYTES:
            wanted = wanted._replace(until=min(wanted.until, last.time + 1))
    return layout.joined(tables), wanted.until


def _ids(changes: Changes, some: Sequence[ArchivedFile]) -> pa.Array:
    """Return the ids in files."""
    found = [pa.array([], pa.string())]
    for file in some:
        found += files.read(changes.url, file, ["id"]).column("id").chunks
    return pa.concat_arrays(found)


def _is_stored(changes: Changes, table: pa.Table) -> bool:
    """Whether the store holds the same rows as a table, in all columns."""
    for at in range(0, table.num_rows, PAGE):
        found = restore(table.slice(at, PAGE))
        ids = [row[0] for row in found.predictions]
        made = TimeRange(found.predictions[0][1], found.predictions[-1][1])
        if not is_same(found, changes.archived.rows(ids, made)):
            return False
    return True
