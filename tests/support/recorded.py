"""A journal with its store, and records with a mark that can be looked for in files."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from entries import NOON, feedback, predicted

from serving.recording import erasure
from serving.recording.archiving import Archive
from serving.recording.collector import Collector
from serving.recording.entry import TrialEntry
from serving.recording.journal import Journal
from serving.recording.store import Store

MARK = "ana-123.456.789-09"


def holding(folder: Path, mark: str = MARK) -> list[Path]:
    """The files under a folder that contain a mark, while others may remove some."""
    found = []
    for path in folder.rglob("*"):
        with suppress(OSError):  # removed meanwhile, a folder, or a socket
            if mark.encode() in path.read_bytes():
                found.append(path)
    return found


class Recorded:
    """A journal with its store, whose collector runs when the test wants it to."""

    def __init__(self, folder: Path, url: str, archive: Archive | None = None) -> None:
        self.folder, self.store = folder / "journal", Store(url)
        self.journal = Journal(self.folder, sync=False)
        self.collector = Collector(self.folder, self.store, archive=archive)

    def record(self, *entries: Any) -> None:
        for entry in entries:
            self.journal.append(entry)

    def erase(self, what: erasure.What) -> Any:
        request = erasure.write(self.folder, "ana", what)
        self.collector.attempt()
        return self.store.erasures.find(request.id)

    def close(self) -> None:
        self.journal.close()
        self.store.close()


def about(mark: str, *names: str, **changes: Any) -> list[Any]:
    """Predictions with a mark in every value, their feedback and their trials."""
    value = {
        "subject": mark,
        "request_id": mark,
        "own_id": mark,
        "places": [*range(len(names))],
        "records": [[mark, at] for at, _ in enumerate(names)],
    }
    return [
        predicted(*names, **value | changes),
        feedback(mark, *names, request_id=mark),
        TrialEntry(NOON, "wine", 2, [*names], [mark] * len(names)),
    ]
