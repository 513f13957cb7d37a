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
from serving.recording.archiving import Archive
from serving.recording.backlog import Backlog
from serving.recording.eraser import Eraser
from serving.recording.feed import Feed
from serving.recording.host import host_id
from serving.recording.segments import (
    Chunk,
    created,
    is_closed,
    list_segments,
    read_chunks,
    remove_expired,
    sizes,
)
from serving.recording.status import Status
from serving.recording.store import Store
from serving.recording.store.hosts import Report
from serving.recording.store.rows import Position

log = logging.getLogger(__name__)

Describe = Callable[[], bytes]
STATUS_INTERVAL = 1_000  # milliseconds between two statuses during a long run
SEEN_INTERVAL = 5.0  # seconds between two reports of this host
REST = 1000  # times the duration of rewriting the database


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
        Sends a notice of each commit to those that wait for it.
    archive : Archive, optional
        Where predictions are moved to when they are old.

    Attributes
    ----------
    eraser : Eraser
        Carries out the requests to erase.
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
        archive: Archive | None = None,
    ) -> None:
        self.folder, self.store, self.days, self._feed = folder, store, days, feed
        self.name, self._describe = name or socket.gethostname(), describe
        self.eraser = Eraser(folder, store, archive)
        self._backlog = Backlog()
        self._status = Status(0, 0, 0, "")
        self._collected = 0  # all that was recorded until then is in the store
        self.moved = 0
        self._positions: dict[str, Position] = {}
        self._migrated = False
        self.seen = 0.0  # when this host was last recorded as present, by the monotonic clock
        self._writing = threading.Lock()  # held to write to the database or to rewrite it
        self._removed = 0  # predictions, since the last rewrite
        self._rewritable = 0.0  # from when on the next rewrite is allowed

    def collect(self) -> Mapping[str, Position]:
        """Move all entries of the journal; return how far each of its segments is moved.

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
        # The collector that committed them may have ended before it sent a notice.
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
        return self._positions

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
        """Record that this host stops, if all of its journal is in the store.

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
                remove_expired(self.folder, self.days)
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
                self.eraser.attempt(self.collect)

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
                now, size, torn, reason, public, self.eraser.waiting, entries, collected
            )
            self._status.write(self.folder)

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
