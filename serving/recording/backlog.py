"""How much of the journal is not in the store, counted without reading any part of it twice."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from serving.recording.store.rows import Position

PIECE = 2**20  # bytes that are read at once


class Waiting(NamedTuple):
    """What waits: its bytes, and its lines, each of which is the entry of one request."""

    size: int
    entries: int


class _Counted(NamedTuple):
    """The lines of a segment between what is in the store and where the count has come to."""

    read: int
    end: int
    lines: int


class Backlog:
    """Counts the lines of each segment that are not in the store."""

    def __init__(self) -> None:
        self._counted: dict[str, _Counted] = {}

    def move(self, name: str, end: int, lines: int) -> None:
        """Take lines off the count, which are in the store now; they end at `end`."""
        before = self._counted.get(name)
        if before and before.end > end:
            self._counted[name] = _Counted(end, before.end, before.lines - lines)
        else:
            self._counted[name] = _Counted(end, end, 0)

    def measure(self, segments: list[Path], positions: Mapping[str, Position]) -> Waiting:
        """Count what waits in some segments, which are all there are.

        Raises
        ------
        OSError
        """
        size = entries = 0
        counted = {}
        for path in segments:
            read = positions.get(path.name, Position(0)).read
            before = self._counted.get(path.name)
            if before is None or before.read != read:
                before = _Counted(read, read, 0)
            now = counted[path.name] = _count(path, before)
            size += now.end - now.read
            entries += now.lines
        self._counted = counted
        return Waiting(size, entries)


def _count(path: Path, before: _Counted) -> _Counted:
    with path.open("rb") as segment:
        end, lines = before.end, before.lines
        last = max(end, os.fstat(segment.fileno()).st_size)
        segment.seek(end)
        while end < last and (piece := segment.read(min(PIECE, last - end))):
            end += len(piece)
            lines += piece.count(b"\n")
    return _Counted(before.read, end, lines)
