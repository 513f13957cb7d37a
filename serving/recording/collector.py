"""The collector: moves the journal into the store, and removes what has arrived."""

import logging
import os
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from serving import clock
from serving.errors import StoreError, without_path
from serving.lock import Pause, wait_for_lock
from serving.recording import journal
from serving.recording.store import Store
from serving.recording.store.rows import Position
from serving.settings import Settings

log = logging.getLogger(__name__)

LOCK, STATUS = "collector.lock", "collector.json"
PAUSE = 0.5  # seconds between two looks at the journal
TELLING = 1_000  # milliseconds between two statuses while there is much to move
HOUR = 3600  # seconds
REST = 1000  # times as long as it took to write the database anew


class Status(msgspec.Struct, frozen=True):
    """What the collector saw last, for every process to read.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    waiting : int
        Bytes of the journal that were not in the store.
    torn : int
        Lines that were cut off while they were written, so never answered, since the store began.
    reason : str
        Why nothing could be moved; empty where all was.
    public : str
        The same for strangers.
    """

    time: int
    waiting: int
    torn: int
    reason: str
    public: str = ""


def read_status(folder: Path) -> Status | None:
    """What the collector of a journal saw last; None where none has run, or it cannot be read."""
    try:
        return msgspec.json.decode((folder / STATUS).read_bytes(), type=Status)
    except (OSError, ValueError):  # ValueError: what a power failure left of it; another follows
        return None


class Collector:
    """Moves a journal into a store; one process at a time may.

    Parameters
    ----------
    folder : Path
        The journal's.
    days : int
        How long records may be kept, in the store or the journal; 0 is for ever.
    """

    def __init__(self, folder: Path, store: Store, days: int = 0) -> None:
        self.folder, self.store, self.days = folder, store, days
        self._positions: dict[str, Position] = {}
        self._migrated = False
        self._reason = ""
        self._told = 0
        self._alone = threading.Lock()  # in which the database is written to, or written anew
        self._removed, self._rewritable = 0, 0.0  # predictions since then; when it may be again

    def collect(self) -> None:
        """Move all that the journal holds by now.

        What is moved twice, for a crash in between, is in the store once: every id is.

        Raises
        ------
        StoreError
            What had been moved by then is in the store, the rest still in the journal.
        """
        if not self._migrated:
            self.store.migrate()
            self._migrated = True
        self._positions = self.store.positions()
        for path in journal.segments(self.folder):
            with path.open("rb") as segment:
                closed = journal.is_closed(segment)  # asked first: then the last line is read below
                for stretch in journal.read(segment, self._at(path).read):
                    at = Position(stretch.position, self._at(path).torn + stretch.torn)
                    self.store.add(stretch.entries, {path.name: at})
                    self._positions[path.name] = at
                    if clock.now() > self._told + TELLING:
                        self._tell("")
                if closed:
                    self._remove(path, os.fstat(segment.fileno()).st_size)

    def _at(self, path: Path) -> Position:
        return self._positions.get(path.name, Position(0))

    def _remove(self, path: Path, size: int) -> None:
        at = self._at(path)
        if torn := at.torn + (size > at.read):
            # Its position stays in the store, for the count.
            at = self._positions[path.name] = Position(at.read, torn)
            self.store.add([], {path.name: at})
            log.warning("%s: %d torn lines, never answered, are left out", path, torn)
        else:
            self.store.delete_positions([path.name])
        path.unlink()

    def attempt(self) -> None:
        """Collect, and write down how it goes; where it fails, the journal keeps everything."""
        try:
            with self._alone:
                self.collect()
        except (StoreError, OSError) as error:
            self._migrated = False  # it may be another database by the next time
            public = error.public if isinstance(error, StoreError) else without_path(error)
            self._tell(str(error), public)
            with suppress(OSError):  # as just told
                self._expire()
        else:
            self._tell("")

    def _tell(self, reason: str, public: str = "") -> None:
        """Write the status, and log when it turns."""
        if reason and not self._reason:
            log.error("the journal keeps what cannot be moved: %s", reason)
        elif self._reason and not reason:
            log.warning("the journal is moved into the store again")
        now = clock.now()
        self._reason, self._told = reason, now
        torn = sum(position.torn for position in self._positions.values())
        aside = self.folder / f".{STATUS}"
        with suppress(OSError):  # of a full disk, as the journal says
            sizes = {path: path.stat().st_size for path in journal.segments(self.folder)}
            waiting = sum(max(0, size - self._at(path).read) for path, size in sizes.items())
            told = Status(now, waiting, torn, reason, public)
            aside.write_bytes(msgspec.json.encode(told))
            aside.replace(self.folder / STATUS)

    def _expire(self) -> None:
        """Remove segments too old to be kept, where the store has been gone for so long."""
        for path in journal.segments(self.folder) if self.days else ():
            with path.open("rb") as segment:
                last = os.fstat(segment.fileno()).st_mtime_ns // 1_000_000
                if last < clock.now() - self.days * clock.DAY and journal.is_closed(segment):
                    log.error("%s is older than RETENTION_DAYS and was never moved: removed", path)
                    path.unlink()

    def retain(self) -> None:
        """Remove from the store what is too old to be kept, to the last byte.

        A database is written anew for that, so seldom that it takes a thousandth of the time.
        """
        try:
            self._removed += self.store.delete_older(clock.now() - self.days * clock.DAY)
            started = time.monotonic()
            if self._removed and started >= self._rewritable:
                with self._alone:
                    self.store.rewrite()
                ended = time.monotonic()
                self._removed, self._rewritable = 0, ended + REST * (ended - started)
        except StoreError as error:
            log.warning("what is older than RETENTION_DAYS is still in the store: %s", error)


def run(settings: Settings, pause: Pause) -> None:
    """Collect again and again, one process at a time; the others wait to take over.

    Parameters
    ----------
    pause : callable
        Waits so many seconds, and tells whether to go on.
    """
    lock = wait_for_lock(settings.journal_dir / LOCK, pause)
    if lock is None:
        return
    # SQLite's own files for a while, as large as the database: there is room for these beside it.
    os.environ.setdefault("SQLITE_TMPDIR", str(settings.var_dir))
    with lock, closing(Store(settings.store_url)) as store:
        collector = Collector(settings.journal_dir, store, settings.retention_days)
        collector.attempt()
        if settings.retention_days:
            threading.Thread(target=_retain, args=(collector, pause), daemon=True).start()
        go_on = True
        while go_on:
            go_on = pause(PAUSE)  # and once more after the last: what was answered by then moves
            collector.attempt()


def _retain(collector: Collector, pause: Pause) -> None:
    """Retain every hour, beside the collecting, for it may take long."""
    go_on = True
    while go_on:
        collector.retain()
        go_on = pause(HOUR)
