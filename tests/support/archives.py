"""Predictions with ids as the service makes them, and files of the archive made of them."""

import importlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from entries import NOON, feedback, predicted

from serving.archive import files, layout
from serving.archive.reading import read
from serving.archive.rows import make_table
from serving.recording.entry import TrialEntry
from serving.recording.store import Store
from serving.recording.store.archive_files import ArchivedFile
from serving.recording.store.archived import START, Wanted
from serving.recording.store.deletions import delete

CLASSES = ["Não aprovado", "bom"]
ALL = Wanted("wine")
COLUMNS = ["id", "time", "version", "number_alcohol", "text_type", "actual_label", "feedback"]


def id_at(time: int, place: int = 0, version: int = 1) -> str:
    """An id as the service makes it."""
    return f"wine.{version}.{time:011x}{place:016x}"


def made(time: int, place: int = 0, version: int = 1, **changes: Any) -> Any:
    """A prediction of a time; no two places give the same values."""
    chance = random.Random(f"{time} {place}").random()
    value = {
        "time": time,
        "version": version,
        "records": [[chance, "branco" if place % 2 else None]],
        "predictions": [CLASSES[place % 2]],
        "classes": CLASSES,
        "probabilities": [[1 - chance, chance]],
    }
    return predicted(id_at(time, place, version), **value | changes)


def recorded(number: int, *, step: int = 1_000, start: int = NOON, version: int = 1) -> list[Any]:
    """Predictions one after the other, every third with feedback, every fourth with a trial."""
    entries: list[Any] = []
    for place in range(number):
        time = start + place * step
        entries.append(made(time, place, version))
        if place % 3 == 0:
            entries.append(feedback("bom", id_at(time, place, version), at=time + 5))
        if place % 4 == 0:
            chances = [[0.25, 0.75]]
            name = id_at(time, place, version)
            entries.append(
                TrialEntry(time + 1, "wine", version + 1, [name], ["bom"], CLASSES, chances)
            )
    return entries


def archive_by_hand(
    store: Store, url: str | Path, ids: Sequence[str], *, delete_them: bool = True
) -> ArchivedFile:
    """Put some predictions of the store into a file of the archive that counts."""
    page = store.archived.page(Wanted("wine"), START, 1_000_000)
    rows = page._replace(
        predictions=[row for row in page.predictions if row[0] in ids],
        feedback=[row for row in page.feedback if row[0] in ids],
        trials=[row for row in page.trials if row[0] in ids],
    )
    new = files.new_file("wine", rows.predictions[0][1])
    store.archived.enter(new)
    written = files.write(str(url), new, layout.joined([make_table(rows)]))
    store.archived.switch([written])
    if delete_them:
        with store._database.writing() as connection:  # noqa: SLF001 - as a run does
            delete(connection, [*ids])
    return written


STEPS = (  # by which a run may be killed before and after
    ("serving.archive.changes", "Changes.remove"),
    ("serving.archive.files", "write"),
    ("serving.archive.files", "read"),
    ("serving.archive.files", "opened"),
    ("serving.recording.store.archive_files", "ArchiveFiles.enter"),
    ("serving.recording.store.archive_files", "ArchiveFiles.switch"),
    ("serving.recording.store.archive_files", "ArchiveFiles.keep"),
    ("serving.recording.store.archive_files", "ArchiveFiles.forget"),
    ("serving.recording.store.archived", "Archived.delete_moved"),
    ("serving.recording.store.moving", "let_others_write"),
    ("serving.recording.store.erasures", "_record"),
    ("serving.places.places", "Folder.remove"),
)


@contextmanager
def stop_at(step: int, stop: Callable[[], Any]) -> Iterator[None]:
    """Call something before the step with a number, of all steps that a run does."""
    counted = count()
    originals = []
    for module, name in STEPS:
        owner: Any = importlib.import_module(module)
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        original = getattr(owner, last)
        originals.append((owner, last, original))

        def stepped(*args: Any, original: Any = original, **kwargs: Any) -> Any:
            if next(counted) == step:
                stop()
            found = original(*args, **kwargs)
            if next(counted) == step:
                stop()
            return found

        setattr(owner, last, stepped)
    try:
        yield
    finally:
        for owner, last, original in originals:
            setattr(owner, last, original)


def rows(store: Store, url: Any, wanted: Wanted = ALL, **how: Any) -> list[Any]:
    """What is read, as Python's values."""
    batches = read(store, str(url), wanted, how.pop("columns", COLUMNS), **how)
    return [row for batch in batches for row in batch.to_pylist()]
