"""The collector: moves the journal into the store, and removes what has arrived."""

import fcntl
import logging
import os
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

from serving import journal
from serving.errors import StoreError
from serving.store import Store
from serving.stored import Position

log = logging.getLogger(__name__)

LOCK = "collector.lock"
PAUSE = 0.5  # seconds between two looks at the journal, or at who collects


def collect(folder: Path, store: Store) -> int:
    """Move all that the journal holds by now; count the entries.

    What is moved twice, for a crash in between, is in the store once: every id is.

    Raises
    ------
    StoreError
        What had been moved by then is in the store, the rest still in the journal.
    """
    positions = store.positions()
    moved = 0
    for path in journal.segments(folder):
        with path.open("rb") as segment:
            closed = journal.is_closed(segment)  # asked first: then the last line is read below
            at = positions.get(path.name, Position(0))
            for stretch in journal.read(segment, at.read):
                at = Position(stretch.position, at.torn + stretch.torn)
                store.add(stretch.entries, {path.name: at})
                moved += len(stretch.entries)
            if closed:
                torn = at.torn + (os.fstat(segment.fileno()).st_size > at.read)
                if torn:  # its position stays in the store, for the count
                    store.add([], {path.name: Position(at.read, torn)})
                    log.warning("%s: %d torn lines, never answered, are left out", path, torn)
                else:
                    store.forget([path.name])
                path.unlink()
    return moved


def run(folder: Path, url: str, pause: Callable[[float], bool]) -> None:
    """Collect again and again, one process at a time; the others wait to take over.

    Parameters
    ----------
    folder : Path
        The journal's.
    url : str
        The store's.
    pause : callable
        Waits so many seconds, and tells whether to go on.
    """
    lock = _lead(folder, pause)
    if lock is None:
        return
    store = Store(url)
    go_on, migrated, failing = True, False, False
    with lock, closing(store):
        while go_on:
            go_on = pause(PAUSE)  # and once more after the last: what was answered by then moves
            try:
                if not migrated:
                    store.migrate()
                    migrated = True
                collect(folder, store)
            except (StoreError, OSError) as error:
                if not failing:
                    log.error("the journal keeps what cannot be moved: %s", error)  # noqa: TRY400 - the message says it all
                failing = True
            else:
                if failing:
                    log.warning("the journal is moved into the store again")
                failing = False


def _lead(folder: Path, pause: Callable[[float], bool]) -> BinaryIO | None:
    """Wait for the lock that the process that collects holds until its end."""
    while True:
        with suppress(OSError):  # held by another; or no folder can be made, as the journal says
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / LOCK).open("ab")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
            else:
                return lock
        if not pause(PAUSE):
            return None
