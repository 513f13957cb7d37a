"""One run of the archive, from what killed processes left to what is too old."""

from collections import Counter
from collections.abc import Iterable

from serving.archive.changes import Changes
from serving.archive.merging import compact, delete_older, merge_feedback
from serving.archive.moving import days, move
from serving.recording.archive_messages import Done, Run


def run(changes: Changes, task: Run) -> Done:
    """Move what is old, and keep the files as they should be.

    Raises
    ------
    ArchiveError, StoreError
        Whatever was done by then stays.
    """
    changes.finish()
    done, moved = Done(), Counter[str]()
    for day in days(changes, task.before, task.model):
        for file in move(changes, day):
            moved[day.model] += file.rows
            done.files, done.bytes = done.files + 1, done.bytes + file.size
    done.moved = {**moved}
    changes.archived.drop_empty(task.before)
    done.deleted = _number(delete_older(changes, task.since))
    done.with_feedback = _number(merge_feedback(changes, task.model))
    done.joined = _number(compact(changes, task.model))
    return done


def count(changes: Changes, task: Run) -> dict[str, int]:
    """Return how many predictions of each model a run would move."""
    moved = Counter[str]()
    for day in days(changes, task.before, task.model):
        moved[day.model] += changes.archived.count(day)
    return {**moved}


def _number(files: Iterable[object]) -> int:
    return sum(1 for _ in files)
