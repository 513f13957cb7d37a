"""Erases what was requested, in the database and in this host's journal."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from serving.errors import StoreError
from serving.recording import erasure
from serving.recording.archiving import Archive
from serving.recording.host import host_id
from serving.recording.segments import blank, list_segments
from serving.recording.store import Store
from serving.recording.store.rows import Position

log = logging.getLogger(__name__)

Collect = Callable[[], Mapping[str, Position]]
ARCHIVE_WAIT = 0.2  # seconds, as a request waits for what is recorded meanwhile
RETRY, REST = 5, 2  # seconds after a failure; times the duration of the attempt


class Eraser:
    """Carries out the requests to erase that wait, together with those of the other hosts.

    Parameters
    ----------
    folder : Path
        The folder of the journal.
    archive : Archive, optional
        Where predictions are moved to when they are old.

    Attributes
    ----------
    waiting : int
        Requests in the store, of any host, that are not done.
    """

    def __init__(self, folder: Path, store: Store, archive: Archive | None = None) -> None:
        self._folder, self._store, self._archive = folder, store, archive
        self._deleted: list[erasure.Request] = []  # of the store and the journal, not the archive
        self.waiting = 0
        self._next = 0.0  # from when on the next attempt is allowed
        self._reason = ""  # why the last one did not erase all

    def erase(self, collect: Collect) -> str:
        """Carry out the requests to erase that wait; whatever fails, they wait until it is done.

        All that was recorded before them is moved to the store first and deleted there. What the
        journal has left is the files that processes still append to: they are blanked as far as
        they are moved. Each host does so, and the last of them purges the database.

        Parameters
        ----------
        collect : callable
            Moves the journal into the store, and returns how far each segment is moved.

        Returns
        -------
        str
            For which hosts they wait; empty if for none that has been away for some time.

        Raises
        ------
        StoreError, OSError
        """
        erasures, this_host = self._store.erasures, host_id(self._folder)
        erasure.remove_unfinished(self._folder)
        for request in erasure.waiting(self._folder):
            erasures.share(request)
            erasure.remove(self._folder, request)
        mine, self.waiting = erasures.waiting(this_host)
        if new := [each for each in mine if each not in self._deleted]:
            moved = collect()
            for request in new:
                erasures.delete(request)
            for path in list_segments(self._folder):
                blank(path, moved.get(path.name, Position(0)).read)
            self._deleted = mine
        if mine and self._is_erased_from_archive(mine):
            for request in mine:
                erasures.end_part(request, this_host)
            self._deleted = []
        if not self.waiting:
            return ""
        for ended in erasures.complete():
            self.waiting -= 1
            log.info("erasure %s, requested by %s, is done", ended.id, ended.who)
        return erasures.away()

    def _is_erased_from_archive(self, requests: Sequence[erasure.Request]) -> bool:
        """Erase from the archive, in a process that may go on; return whether it is done."""
        if not self._store.archived.is_used():
            return True
        if not self._archive:
            raise StoreError("predictions are archived, and this process does not know where")
        return self._archive.has_erased(requests, ARCHIVE_WAIT)

    def attempt(self, collect: Collect) -> None:
        """Erase, unless that has just failed; log why something is left when that changes."""
        started = time.monotonic()
        if started < self._next:
            return
        reason = ""
        try:
            reason = self.erase(collect)
        except (StoreError, OSError) as error:
            ended, reason = time.monotonic(), str(error)
            self._next = ended + max(RETRY, REST * (ended - started))
        if reason and reason != self._reason:
            log.warning("what is to be erased is not erased yet: %s", reason)
        self._reason = reason
