"""Keeps the files as they should be: with late feedback, not too small, and not too old."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

from serving import clock
from serving.archive import files, layout
from serving.archive.changes import Changes
from serving.archive.feedback import add_feedback, feedback_value
from serving.archive.moving import MAX_BYTES
from serving.ids import PredictionId
from serving.recording.store.archive_files import ArchivedFile

SMALL = MAX_BYTES // 4  # files of a day below it are joined


def merge_feedback(changes: Changes, model: str | None = None) -> Iterator[ArchivedFile]:
    """Write the files anew that feedback has come to since; yield these."""
    missing: dict[str, bool] = {}  # by id, whether it is in none of the files of its time
    for file, ids in _with_late_feedback(changes, model):
        with changes.turn():
            if file.name not in {each.name for each in changes.archived.files(file.model)}:
                missing |= dict.fromkeys(ids, False)  # replaced: the next run finds the other
                continue
            table = files.read(changes.url, file)
            late = defaultdict(list)
            for row in changes.archived.feedback_to(ids):
                late[row[0]].append(feedback_value(row))
            known = {*table.column("id").to_pylist()}
            for each in ids:
                missing[each] = each not in known and missing.get(each, True)
            if not late.keys() & known:
                continue
            table = add_feedback(table, late)
            if new := changes.replace(file.model, table, [file], table.equals):
                yield new
    changes.archived.leave_unmatched([each for each in missing if missing[each]])


def _with_late_feedback(
    changes: Changes, model: str | None
) -> Iterator[tuple[ArchivedFile, list[str]]]:
    found: dict[str, list[str]] = defaultdict(list)
    counted = {file.name: file for file in changes.archived.files(model)}
    by_model = defaultdict(list)
    for file in counted.values():
        by_model[file.model].append(file)
    for each in changes.archived.late_feedback():
        made_by = PredictionId.read(each)
        for file in by_model[made_by.model] if made_by else ():
            if made_by and file.first <= made_by.time <= file.last:
                found[file.name].append(each)
    for name, ids in found.items():
        yield counted[name], [*dict.fromkeys(ids)]


def compact(changes: Changes, model: str | None = None) -> Iterator[ArchivedFile]:
    """Join the small files of each day; yield those that are written."""

    def day(file: ArchivedFile) -> tuple[str, int]:
        return file.model, clock.day_of(file.first)

    counted = sorted(changes.archived.files(model), key=lambda file: (*day(file), file.first))
    for (name, _), some in groupby(counted, key=day):
        for group in _groups([file for file in some if file.unpacked < SMALL]):
            with changes.turn():
                still = {file.name for file in changes.archived.files(name)}
                if not {file.name for file in group} <= still:
                    continue
                table = layout.joined([files.read(changes.url, file) for file in group])
                table = table.sort_by([("time", "ascending"), ("id", "ascending")])
                if new := changes.replace(name, table, group, table.equals):
                    yield new


def _groups(small: list[ArchivedFile]) -> Iterator[list[ArchivedFile]]:
    """Divide small files into groups that fit into one."""
    group: list[ArchivedFile] = []
    for file in small:
        if group and sum(each.unpacked for each in group) + file.unpacked > MAX_BYTES:
            if len(group) > 1:
                yield group
            group = []
        group.append(file)
    if len(group) > 1:
        yield group


def delete_older(changes: Changes, since: int) -> Iterator[ArchivedFile]:
    """Delete the files of which all rows are from before a time; yield them."""
    for file in changes.archived.files(until=since):
        if file.last < since:
            with changes.turn():
                if file.name not in {each.name for each in changes.archived.files(file.model)}:
                    continue  # another host has deleted it
                changes.archived.switch([], [file])
                changes.remove(file)
            yield file
