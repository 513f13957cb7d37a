"""How the files of the archive are changed, so that a change may be killed anywhere.

Enter the new file in the store, write it, read it back and compare it, let it count in place of
what it replaces, and only then delete the rows in the store and the files that it replaces. Whoever
is next finishes what was begun. One process at a time makes a change; between two of them others
have their turn.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from serving.archive import files
from serving.archive.rows import moved
from serving.errors import ArchiveError
from serving.lock import wait_for_lock
from serving.places.addresses import absolute
from serving.places.places import place
from serving.recording.store import Store
from serving.recording.store.archive_files import ArchivedFile
from serving.recording.store.erasures import ErasedRows

PAGE = 5_000  # rows that are compared or deleted at once
LOCK = "archive.lock"
MAX_WAIT = 600.0  # seconds for the turn
BREATH = 0.05  # seconds in which others may take it
MAX_GIVEN = 60.0  # seconds in which it is left to an erasure


class Changes:
    """Changes the files of the archive; every method may raise `ArchiveError` or `StoreError`.

    Parameters
    ----------
    url : str
        `ARCHIVE_URL`.
    folder : Path
        In which the processes of this host lock a file.
    """

    def __init__(self, store: Store, url: str, folder: Path) -> None:
        self.archived, self.url, self._folder = store.archived, url, folder
        self._erasures = store.erasures

    @contextmanager
    def turn(self, *, urgent: bool = False) -> Iterator[None]:
        """Wait for this process's turn, and keep it during a block.

        Parameters
        ----------
        urgent : bool
            Whether it is an erasure, which all others let go first.
        """
        ends = time.monotonic() + MAX_WAIT

        def wait(_: float) -> bool:
            time.sleep(BREATH / 4)
            return time.monotonic() < ends

        self._require_lock()
        busy = ArchiveError("another process is changing the archive; try again")
        if not urgent:
            self._let_erasures_go_first()
        lock = wait_for_lock(self._folder / LOCK, wait)
        if lock is None:
            raise busy
        with lock:
            while True:
                with self.archived.turn() as is_mine:
                    if is_mine:
                        yield
                        break
                if not wait(BREATH):
                    raise busy

    def _require_lock(self) -> None:
        """Raise `ArchiveError` where the file that is locked cannot be written, at once."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / LOCK).open("ab").close()
        except OSError as error:
            message = f"{self._folder / LOCK} cannot be written: {error.strerror}"
            raise ArchiveError(message, public=f"{LOCK} cannot be written") from error

    def _let_erasures_go_first(self) -> None:
        """Wait while something is to be erased; not for ever, as a host may be away."""
        ends = time.monotonic() + MAX_GIVEN
        while self._erasures.waiting("")[1] and time.monotonic() < ends:
            time.sleep(BREATH)

    def finish(self) -> None:
        """Finish what killed processes began."""
        for file in self.archived.in_state("writing", "replaced", "moving"):
            with self.turn():
                for each in self.archived.in_state("writing", "replaced", "moving"):
                    if each.name == file.name:  # or another process has finished it
                        (self.delete_moved if each.state == "moving" else self.remove)(each)

    def replace(
        self,
        model: str,
        table: pa.Table,
        old: Sequence[ArchivedFile],
        is_right: Callable[[pa.Table], bool],
        erased: ErasedRows | None = None,
        *,
        beside: Collection[str] | None = None,
    ) -> ArchivedFile | None:
        """Write a file in place of others, and delete its rows from the store; within a turn.

        Parameters
        ----------
        table : pa.Table
            Sorted by time and id.
        is_right : callable
            Whether the file may count, by what is read back from it.
        erased : ErasedRows, optional
            What the new file lacks, to be recorded when it counts.
        beside : collection of str, optional
            The names of all other files that count for its times.

        Returns
        -------
        ArchivedFile or None
            None if it was not right, and nothing is changed.
        """
        new = files.new_file(model, table.column("time")[0].value)
        self.archived.enter(new)
        written = files.write(self.url, new, table)
        if not is_right(files.read(self.url, written)):
            self.remove(written)
            return None
        try:
            self.archived.switch([written], old, erased, beside=beside)
        except ArchiveError:  # whoever changed the files has forgotten this one
            self.remove(written)
            raise
        for file in old:
            self.remove(file)
        self.delete_moved(written)
        return written

    def delete_moved(self, file: ArchivedFile) -> None:
        """Delete the rows of a file that counts from the store: what is read back from it."""
        table = files.read(self.url, file, ["id", "time", "feedback", "trials"])
        for at in range(0, table.num_rows, PAGE):
            self.archived.delete_moved(moved(table.slice(at, PAGE)))
        self.archived.keep(file)

    def remove(self, file: ArchivedFile) -> None:
        """Delete a file that does not count, and then its entry."""
        if not self.archived.abandon(file):
            return
        with files.reported(self.url, file):
            place(absolute(self.url)).remove(file.name)
        self.archived.forget(file)
