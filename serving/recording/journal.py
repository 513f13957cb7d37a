"""The journal: append-only files with every prediction, written before its response is sent.

Each process appends to a *segment* of its own, one JSON line and one write per request. A line
survives the process, however that ends. The collector moves the lines to the store, and removes a
segment that it has moved to the last line and that no process writes to any more.
"""

import logging
import mmap
import os
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from serving import ids
from serving.errors import JournalError, without_path
from serving.recording.commits import Commits
from serving.recording.entry import Entry
from serving.recording.segments import BLANK, Place, Segment, list_segments, read_chunks

log = logging.getLogger(__name__)

SEGMENT_BYTES = 64 * 2**20
SEGMENT_SECONDS = 600
MAX_PROCESSES = 1024
PREDICTION = b'{"kind":"prediction",'  # the beginning of such a line
OWN_ID = b',"own_id":"'


class Journal:
    """Appends entries, from any thread of a process.

    After a fork the processes share the count of lost predictions; each opens a segment of its own.

    Parameters
    ----------
    folder : Path
        Created when it is first needed.
    sync : bool
        Whether to wait until each line is on the disk, so that it survives a power failure.
    commits : Commits, optional
        By which to wait until the store has committed a line.

    Attributes
    ----------
    lines : int
        How many this process has appended.
    reason : str
        Why the last one could not be written; empty if it was.
    """

    def __init__(self, folder: Path, *, sync: bool, commits: Commits | None = None) -> None:
        self.folder, self.sync, self.commits = folder, sync, commits
        self.lines = 0
        self.reason = ""
        self._lock = threading.Lock()
        self._line = bytearray()  # reused, so that it stays in the processor's cache
        self._segment: Segment | None = None
        self._lost = memoryview(mmap.mmap(-1, 8 * MAX_PROCESSES)).cast("Q")

    @property
    def lost(self) -> int:
        """How many predictions of all processes could not be recorded."""
        return sum(self._lost)

    def count_lost(self, count: int) -> None:
        """Count predictions as lost."""
        with self._lock:
            self._lost[os.getpid() % MAX_PROCESSES] += count

    def record(self, entry: Entry) -> None:
        """Append an entry, and wait until the store has committed it if that is required.

        Raises
        ------
        JournalError
        StoreError
            If the store does not commit it in time; it may do so later.
        """
        if not self.commits:
            self.append(entry)
            return
        self.commits.require()
        self.commits.wait(self.append(entry))

    def append(self, entry: Entry) -> Place:
        """Append an entry; return where it ends.

        Raises
        ------
        JournalError
            If it cannot be written. The first of several failures is logged.
        """
        with self._lock:
            _encode_into(entry, self._line)
            self._line += b"\n"
            try:
                place = self._write(self._line)
            except OSError as error:
                if not self.reason:
                    log.error("the journal cannot be written: %s", error)  # noqa: TRY400 - the message is enough
                self.reason = without_path(error)
                raise JournalError(
                    f"the journal cannot be written: {error}",
                    public=f"the prediction cannot be recorded: {self.reason}",
                ) from None
            self.lines += 1
            return place

    def failure(self) -> str:
        """Return why nothing can be recorded, if so; after a failure to write, try it again."""
        with self._lock, suppress(OSError):
            if self.reason:
                self._write(BLANK)
        return self.reason or (self.commits.reason if self.commits else "")

    def find(self, prediction_id: str) -> list[Entry]:
        """Find the entries of any process about a prediction that are not in the store yet."""
        found: list[Entry] = []
        with suppress(OSError):  # nothing can be found in a folder that cannot be read
            for path in list_segments(self.folder):
                with suppress(FileNotFoundError), path.open("rb") as segment:  # stored by now
                    for chunk in read_chunks(segment, containing=prediction_id.encode()):
                        found += [entry for entry in chunk.entries if prediction_id in entry.ids]
        return found

    def prediction_ids(self, stored: Mapping[str, int]) -> set[str]:
        """Return the ids of predictions of any process that are not in the store.

        Parameters
        ----------
        stored : mapping of str to int
            How many bytes of each segment are in the store, by the name of its file.

        Raises
        ------
        OSError
        """
        found: set[str] = set()
        for named in self._named(stored):
            found.update(named.ids)
        return found

    def named(self, own_ids: Collection[str], stored: Mapping[str, int]) -> dict[str, list[str]]:
        """Return the ids of predictions that have some own ids and are not in the store.

        Parameters
        ----------
        stored : mapping of str to int
            As for `prediction_ids`.

        Raises
        ------
        OSError
        """
        found: dict[str, list[str]] = {}
        for named in self._named(stored, containing=OWN_ID):
            own = ids.own_ids(named.own_id, named.places)
            for own_id, prediction_id in zip(own, named.ids, strict=False):
                if own_id in own_ids:
                    found.setdefault(own_id, []).append(prediction_id)
        return found

    def _named(self, stored: Mapping[str, int], containing: bytes = b"") -> Iterator["_Named"]:
        """Yield the ids in each line of predictions that is not in the store."""
        for path in list_segments(self.folder):
            with suppress(FileNotFoundError), path.open("rb") as segment:  # stored by now
                segment.seek(stored.get(path.name, 0))
                for line in segment:
                    if line.startswith(PREDICTION) and line.endswith(b"\n") and containing in line:
                        with suppress(ValueError):  # torn
                            yield _decode_named(line)

    def waiting(self, stored: Mapping[str, int]) -> list[Entry]:
        """Return the entries of any process that are not in the store.

        Parameters
        ----------
        stored : mapping of str to int
            As for `prediction_ids`.

        Raises
        ------
        OSError
        """
        found: list[Entry] = []
        for path in list_segments(self.folder):
            with suppress(FileNotFoundError), path.open("rb") as segment:  # stored by now
                for chunk in read_chunks(segment, stored.get(path.name, 0)):
                    found += chunk.entries
        return found

    def close(self) -> None:
        """Close the segment; the next line opens another."""
        with self._lock:
            self._close()

    def _write(self, line: bytes | bytearray) -> Place:
        segment = self._segment
        if not segment or segment.size >= SEGMENT_BYTES:
            segment = self._open()
        segment.write(line, sync=self.sync)
        if self.reason:
            log.warning("the journal is written again; %d predictions were lost so far", self.lost)
            self.reason = ""
        return Place(segment.name, segment.size)

    def _open(self) -> Segment:
        self._close()
        self._segment = Segment(self.folder)
        self._end = threading.Timer(SEGMENT_SECONDS, self.close)
        self._end.daemon = True
        self._end.start()
        return self._segment

    def _close(self) -> None:
        if self._segment:
            self._end.cancel()
            self._segment.file.close()
            self._segment = None


class _Named(msgspec.Struct):
    """The fields of a line that are read here."""

    ids: list[str]
    own_id: str = ""
    places: list[int] = []


_encode_into = msgspec.json.Encoder().encode_into
_decode_named = msgspec.json.Decoder(_Named).decode
