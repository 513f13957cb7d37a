"""The collector moves the journal into the store and removes the files that it has moved."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec

from serving import clock
from serving.errors import StoreError, without_path
from serving.recording import erasure
from serving.recording.backlog import Backlog
from serving.recording.feed import Feed
from serving.recording.host import host_id
from serving.recording.segments import (
    Chunk,
    blank,
    created,
    is_closed,
    list_segments,
    read_chunks,
    sizes,
)
from serving.recording.status import Status
from serving.recording.store import Store
from serving.recording.store.hosts import Report
from serving.recording.store.rows import Position

log = logging.getLogger(__name__)

Describe = Callable[[], bytes]
STATUS_INTERVAL = 1_000  # milliseconds between two statuses during a long run
SEEN_INTERVAL = 5.0  # seconds between two notes that this host is there
REST = 1000  # times the duration of rewriting the database
RETRY, REST_OF_ERASING = 5, 2  # seconds after a failure; times the duration of the attempt


class Collector:
    """Moves a journal into a store; only one process at a time may use it.

    Parameters
    ----------
    folder : Path
        The folder of the journal.
    days : int
        How long records may be kept, in store and journal; 0 for ever.
    name : str
        Of this host; that of the machine if not given.
    describe : callable, optional
        Returns, as JSON, what this host reports of itself; without it, it reports nothing.
    feed : Feed, optional
        Where those hear of each commit who wait for it.

    Attributes
    ----------
    moved : int
        How many entries the last attempt has moved.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        days: int = 0,
        name: str = "",
        describe: Describe | None = None,
        *,
        feed: Feed | None = None,
    ) -> None:
        self.folder, self.store, self.days, self._feed = folder, store, days, feed
        self.name, self._describe = name or socket.gethostname(), describe
        self._backlog = Backlog()
        self._status = Status(0, 0, 0, "")
        self._collected = 0  # all that was recorded until then is in the store
        self.moved = 0
        self._positions: dict[str, Position] = {}
        self._migrated = False
        self.seen = 0.0  # when this host was last written down in the store, by no wall clock
        self._writing = threading.Lock()  # held to write to the database or to rewrite it
        self._removed = 0  # predictions, since the last rewrite
        self._rewritable = 0.0  # from when on the next rewrite is allowed
        self._erasable = 0.0  # likewise the next attempt to erase
        self._not_erased = ""  # why the last one failed
        self._to_erase = 0  # requests in the store that are not done

    def collect(self) -> None:
        """Move all entries of the journal.

        Entries that are moved twice, after a crash in between, are in the store once.

        Raises
        ------
        StoreError
            Entries moved by then are in the store, the others still in the journal.
        """
        started = clock.now()
        if not self._migrated:
            self.store.migrate()
            self.store.hosts.see(host_id(self.folder), self.name)
            self._migrated = True
        self._positions = self.store.positions()
        segments = list_segments(self.folder)
        # Whoever committed them may have heard of it no more, or have ended.
        self._notify({path.name: self._at(path.name) for path in segments})
        for path in segments:
            with path.open("rb") as segment:
                closed = is_closed(segment)  # checked before reading, so that the last line is read
                for chunk in read_chunks(segment, self._at(path.name).read):
                    self._add({path.name: chunk})
                    if clock.now() > self._status.time + STATUS_INTERVAL:
                        self._write_status("")
                        self._report()
                if closed:
                    self._remove(path, os.fstat(segment.fileno()).st_size)
        self._collected = started
        self._report()

    def _report(self) -> None:
        """Report this host to all that share the store, if the last report is some time ago."""
        since = time.monotonic()
        if self.seen and since < self.seen + SEEN_INTERVAL:
            return
        host = host_id(self.folder)
        self.store.hosts.see(host, self.name, self._collected)
        if self._describe:
            self._write_status("")
            waiting, behind = self._status.entries, self._status.behind(clock.now())
            state = msgspec.Raw(self._describe())
            self.store.hosts.report(host, Report(waiting, behind, state))
        self.seen = since

    def stop(self) -> None:
        """Write down that this host stops, if all of its journal is in the store.

        Raises
        ------
        StoreError, OSError
        """
        if not list_segments(self.folder):
            self.store.hosts.stop(host_id(self.folder))

    def _collect_new(self) -> None:
        """Move what was written since the last time, of all processes in one transaction."""
        found = {}
        for name, size in sizes(self.folder).items():
            read = self._at(name).read
            if size > read:
                with (self.folder / name).open("rb") as segment:
                    for chunk in islice(read_chunks(segment, read), 1):
                        found[name] = chunk
        if found:
            self._add(found)

    def _add(self, chunks: Mapping[str, Chunk]) -> None:
        """Add chunks of segments, by the names of their files, in one transaction."""
        entries = [entry for chunk in chunks.values() for entry in chunk.entries]
        reached = {
            name: Position(chunk.end, self._at(name).torn + chunk.torn)
            for name, chunk in chunks.items()
        }
        self.store.add(entries, reached)
        self.moved += len(entries)
        self._positions |= reached
        for name, chunk in chunks.items():
            self._backlog.move(name, chunk.end, chunk.lines)
        self._notify(reached)

    def _notify(self, reached: Mapping[str, Position]) -> None:
        """Let those who wait know how far segments are committed."""
        if self._feed:
            self._feed.report({name: at.read for name, at in reached.items()})

    def _at(self, name: str) -> Position:
        return self._positions.get(name, Position(0))

    def _remove(self, path: Path, size: int) -> None:
        at = self._at(path.name)
        if torn := at.torn + (size > at.read):
            # Its position stays in the store for the count of torn lines.
            at = self._positions[path.name] = Position(at.read, torn)
            self.store.add([], {path.name: at})
            log.warning("%s: %d torn lines are skipped; their responses were not sent", path, torn)
        else:
            self.store.delete_positions([path.name])
        path.unlink()

    def erase(self) -> str:
        """Carry out the requests to erase that wait; whatever fails, they wait until it is done.

        All that was recorded before them is moved to the store first and deleted there. What the
        journal has left is the files that processes still append to: they are blanked as far as
        they are moved. Each host does so, and the last of them purges the database.

        Returns
        -------
        str
            For which hosts they wait; empty if for none that has been away for some time.

        Raises
        ------
        StoreError, OSError
        """
        erasures, this_host = self.store.erasures, host_id(self.folder)
        erasure.remove_unfinished(self.folder)
        for request in erasure.waiting(self.folder):
            erasures.share(request)
            erasure.remove(self.folder, request)
        mine, self._to_erase = erasures.waiting(this_host)
        if mine:
            self.collect()
            for request in mine:
                erasures.delete(request)
            for path in list_segments(self.folder):
                blank(path, self._at(path.name).read)
            for request in mine:
                erasures.end_part(request, this_host)
        if not self._to_erase:
            return ""
        for ended in erasures.complete():
            self._to_erase -= 1
            log.info("erasure %s, requested by %s, is done", ended.id, ended.who)
        return erasures.away()

    def _attempt_to_erase(self) -> None:
        started = time.monotonic()
        if started < self._erasable:
            return
        reason = ""
        try:
            reason = self.erase()
        except (StoreError, OSError) as error:
            ended, reason = time.monotonic(), str(error)
            self._erasable = ended + max(RETRY, REST_OF_ERASING * (ended - started))
        if reason and reason != self._not_erased:
            log.warning("what is to be erased is not erased yet: %s", reason)
        self._not_erased = reason

    def attempt(self, *, is_new: bool = False) -> str:
        """Collect, erase and write the status; if it fails, the journal keeps everything.

        Parameters
        ----------
        is_new : bool
            Move only what was written since the last time, if that one succeeded.

        Returns
        -------
        str
            Why the journal could not be moved, for HTTP clients; empty if it was.
        """
        is_new, self.moved = is_new and self._migrated, 0
        try:
            for is_last in (True,) if self._status.reason else (False, False, True):
                try:
                    self._run(is_new=is_new)
                    break
                except StoreError:
                    if is_last:
                        raise
                    self._migrated = is_new = False  # again, if only a connection was lost
        except (StoreError, OSError) as error:
            self._migrated = False  # the next time it may be another database
            public = error.public if isinstance(error, StoreError) else without_path(error)
            self._write_status(str(error), public)
            if self._feed:
                self._feed.fail(public)
            with suppress(OSError):  # reported by the status
                self._expire()
            return public
        if not is_new:
            self._write_status("")
            self._notify({})
        return ""

    def _run(self, *, is_new: bool) -> None:
        with self._writing:
            if is_new:
                self._collect_new()
            else:
                self.collect()
                self._attempt_to_erase()

    def _write_status(self, reason: str, public: str = "") -> None:
        """Write the status, and log when it changes."""
        if reason and not self._status.reason:
            log.error("the journal cannot be moved into the store: %s", reason)
        elif self._status.reason and not reason:
            log.warning("the journal is moved into the store again")
        now = clock.now()
        torn = sum(position.torn for position in self._positions.values())
        self._status = Status(now, 0, torn, reason, public)
        with suppress(OSError):  # a full disk, which the journal logs
            segments = list_segments(self.folder)
            size, entries = self._backlog.measure(segments, self._positions)
            collected = self._collected or min(map(created, segments), default=now)
            self._status = Status(
                now, size, torn, reason, public, self._to_erase, entries, collected
            )
            self._status.write(self.folder)

    def _expire(self) -> None:
        """Remove segments that are too old to be kept, if the store was down for so long."""
        for path in list_segments(self.folder) if self.days else ():
            with path.open("rb") as segment:
                last = os.fstat(segment.fileno()).st_mtime_ns // 1_000_000
                if last < clock.now() - self.days * clock.DAY and is_closed(segment):
                    log.error(
                        "%s is older than RETENTION_DAYS: removed, though it was never moved", path
                    )
                    path.unlink()

    def delete_expired(self) -> None:
        """Delete what is too old from the store, to the last byte.

        That needs a rewrite of the database, which is limited to a thousandth of the time.
        """
        try:
            self._removed += self.store.delete_older(clock.now() - self.days * clock.DAY)
            started = time.monotonic()
            if self._removed and started >= self._rewritable:
                with self._writing:
                    self.store.rewrite()
                ended = time.monotonic()
                self._removed, self._rewritable = 0, ended + REST * (ended - started)
        except StoreError as error:
            log.warning("records older than RETENTION_DAYS are still in the store: %s", error)
