"""Erases from the files of the archive, and finds what they have about a person."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa
from pyarrow import compute as pc

from serving.archive import files
from serving.archive.changes import Changes
from serving.archive.layout import cell
from serving.archive.rows import restore
from serving.errors import ArchiveError
from serving.ids import PredictionId, TimeRange
from serving.recording.erasure import FieldValue, Ids, Request, Subject, What
from serving.recording.store.archive_files import ArchivedFile
from serving.recording.store.archived import StoredRows
from serving.recording.store.erasures import ErasedRows


def erase(changes: Changes, request: Request) -> None:
    """Write the files anew that have what a request names, without it.

    A file that is being written is waited for, as it may have read what the store has deleted.

    Raises
    ------
    ArchiveError, StoreError
    """
    with changes.turn(urgent=True):
        for state in ("writing", "replaced"):
            for file in changes.archived.in_state(state):
                changes.remove(file)
    done: set[str] = set()
    while left := [file for file in _files(changes, request.what) if file.name not in done]:
        for file in left:
            with changes.turn(urgent=True):
                if file.name in {each.name for each in changes.archived.files(file.model)}:
                    done |= _erase(changes, request, file)
            done.add(file.name)


def _erase(changes: Changes, request: Request, file: ArchivedFile) -> set[str]:
    """Erase from a file; return the name of the one that replaces it, if any does."""
    columns, matches = _matching(request.what)
    if not pc.any(matches(files.read(changes.url, file, columns))).as_py():
        return set()
    table = files.read(changes.url, file)
    is_erased = matches(table)
    rows = _erased_rows(request.id, file, table.filter(is_erased))
    kept = table.filter(pc.invert(is_erased))
    if not kept.num_rows:
        changes.archived.switch([], [file], rows)
        changes.remove(file)
        return set()
    new = changes.replace(file.model, kept, [file], kept.equals, rows)
    if not new:
        raise ArchiveError(f"{file.name} cannot be written anew, so nothing of it is erased yet")
    return {new.name}


def find(changes: Changes, keys: Sequence[str]) -> Iterator[tuple[str, StoredRows]]:
    """Yield what each file has about a person, after its model, with the feedback that came since.

    Raises
    ------
    ArchiveError, StoreError
    """
    what = Subject([*keys])
    done: set[str] = set()
    while left := [file for file in _files(changes, what) if file.name not in done]:
        for file in left:
            done.add(file.name)
            if rows := _find(changes, what, file):
                yield file.model, rows


def _find(changes: Changes, what: Subject, file: ArchivedFile) -> StoredRows | None:
    columns, matches = _matching(what)
    try:
        with files.opened(changes.url, file) as content:
            if not pc.any(matches(content.read(columns))).as_py():
                return None
            table = content.read()
    except FileNotFoundError:
        if file.name in {each.name for each in changes.archived.files(file.model)}:
            raise files.missing(changes.url, file) from None
        return None  # replaced by another, which is found next
    rows = restore(table.filter(matches(table)))
    late = changes.archived.feedback_to([row[0] for row in rows.predictions])
    return rows._replace(feedback=[*rows.feedback, *late])


def _files(changes: Changes, what: What) -> list[ArchivedFile]:
    """Return the files that may have what is named, the oldest first."""
    match what:
        case Ids(ids):
            times = defaultdict(list)
            for each in filter(None, map(PredictionId.read, ids)):
                times[each.model].append(each.time)
            made = {model: sorted(some) for model, some in times.items()}
            return [file for file in changes.archived.files() if _has_any(file, made)]
        case FieldValue(model):
            return changes.archived.files(model)
        case Subject():
            return changes.archived.files()


def _has_any(file: ArchivedFile, made: Mapping[str, Sequence[int]]) -> bool:
    """Whether one of the sorted times of a file's model is within its times."""
    times = made.get(file.model, ())
    at = bisect_left(times, file.first)
    return at < len(times) and times[at] <= file.last


def _matching(what: What) -> tuple[list[str], Callable[[pa.Table], pa.ChunkedArray]]:
    """Return the columns by which rows are found, and what returns which rows of a table match."""
    match what:
        case Ids(ids):
            wanted = {"id": ids}
        case Subject(keys):
            wanted = {"subject": keys}
        case FieldValue(_, field, values):
            wanted = defaultdict(list)
            for value in values:
                column, found = cell(field, value)
                wanted[column].append(found)

    def matches(table: pa.Table) -> pa.ChunkedArray:
        found = pa.chunked_array([pa.repeat(pa.scalar(False), table.num_rows)])  # noqa: FBT003
        for name, values in wanted.items():
            if name in table.schema.names:
                column = table.column(name)
                is_wanted = pc.is_in(column, value_set=pa.array(values, column.type))
                found = pc.or_(found, is_wanted)
        return found

    return [*wanted], matches


def _erased_rows(erasure_id: str, file: ArchivedFile, table: pa.Table) -> ErasedRows:
    versions = table.set_column(1, "time", table.column("time").cast(pa.int64()))
    made = versions.group_by("version").aggregate([("time", "min"), ("time", "max")]).to_pylist()
    belonging = [
        pc.fill_null(pc.list_value_length(table.column(name)), 0).to_pylist()
        for name in ("feedback", "trials")
    ]
    return ErasedRows(
        erasure_id,
        file.model,
        [
            {"id": each, "feedback": feedback, "trials": trials}
            for each, feedback, trials in zip(
                table.column("id").to_pylist(), *belonging, strict=True
            )
        ],
        {each["version"]: TimeRange(each["time_min"], each["time_max"]) for each in made},
        file.state == "moving",
    )
