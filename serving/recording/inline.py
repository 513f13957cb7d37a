"""The collector within a request, where no process runs between two requests, as in AWS Lambda."""

import logging

from serving import clock
from serving.errors import StoreError
from serving.recording import erasure
from serving.recording.archiving import Archive
from serving.recording.collector import Collector
from serving.recording.host import host_id
from serving.recording.journal import Journal
from serving.recording.store import Store

log = logging.getLogger(__name__)

PAUSE = 10_000  # milliseconds after a failure in which only those try again who need it


class InlineCollector:
    """Moves what a request recorded into the store, before its response is sent.

    Parameters
    ----------
    journal : Journal
        To which this process alone appends.
    days : int
        How long records may be kept; 0 for ever.
    archive : Archive, optional
        Where others move predictions to when they are old.
    """

    def __init__(
        self, journal: Journal, store: Store, days: int, archive: Archive | None = None
    ) -> None:
        self._journal, self._store, self._days = journal, store, days
        self._collector = Collector(journal.folder, store, days, archive=archive)
        self._stored = -1  # lines of the journal; a process before this one may have left some
        self._reason = ""
        self._failed = self._expired = 0
        self._released = 0.0

    def mark(self) -> tuple[int, int]:
        """Return what changes as soon as something is recorded, or is to be erased."""
        return self._journal.lines, len(erasure.waiting(self._journal.folder))

    def store(self, *, required: bool) -> str:
        """Store what is recorded; return why that failed, empty if it did not.

        Parameters
        ----------
        required : bool
            Whether to try again even if that has just failed.
        """
        now, (lines, erasures) = clock.now(), self.mark()
        if lines == self._stored and not erasures and not required:
            return ""
        if required or now > self._failed + PAUSE:
            self._reason = self._collector.attempt() or self._release()
            self._failed = now if self._reason else 0
        if self._reason:
            log.error(
                "%d lines of the journal wait in this environment, and are lost if it ends: %s",
                lines - max(self._stored, 0),
                self._reason,
            )
            return self._reason
        self._stored = lines
        if self._days and now > self._expired + clock.HOUR:
            self._collector.delete_expired()
            self._expired = now
        return ""

    def _release(self) -> str:
        """Record that the journal is empty, so that no host waits for one that has ended.

        Done after each report of the collector that this host is present; returns why that failed,
        empty if it did not.
        """
        if self._released != self._collector.seen:
            try:
                self._store.hosts.stop(host_id(self._journal.folder))
            except StoreError as error:
                return error.public
            self._released = self._collector.seen
        return ""
