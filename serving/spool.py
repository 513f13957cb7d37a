"""Bodies of requests and responses, in memory or on the disk, within a bound for all of them."""

import math
import os
import threading
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, Self

from serving.errors import NoRoom

IN_MEMORY = 2**20  # bytes of a body that needs no file
FREE = 2**14  # bytes of a body that are not counted: what is small never waits for room


class Room:
    """How much the bodies that a process keeps may take together, from any of its threads.

    Parameters
    ----------
    folder : Path
        Where larger bodies are kept, in files without a name.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, count: int, within: float = math.inf) -> None:
        """Take some bytes, if all that is taken is no more than `within` then.

        Raises
        ------
        NoRoom
        """
        with self._lock:
            if self._taken + count > min(self.max_bytes, within):
                raise NoRoom("too many large bodies are being processed; send it again later")
            self._taken += count

    def give_back(self, count: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._taken -= count


class Part:
    """What one body takes of a room, until it gives it back or its block ends.

    Parameters
    ----------
    within : float
        What all bodies may take together for this one to grow, if that is less than the room.
    """

    def __init__(self, room: Room, within: float = math.inf) -> None:
        self._room, self._within, self.size = room, within, 0

    def grow(self, count: int) -> None:
        """Take some more bytes.

        Raises
        ------
        NoRoom
        """
        self._room.take(count, self._within)
        self.size += count

    def replace(self, count: int) -> None:
        """Take so many bytes instead, be there room or not: they are in memory already."""
        self._room.give_back(self.size - count)
        self.size = count

    def give_back(self) -> None:
        """Give back all that was taken."""
        if self.size:
            self._room.give_back(self.size)
            self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()


class Spool(SpooledTemporaryFile[bytes]):
    """A body: in memory while it is small, else in a file."""

    def __init__(self, room: Room) -> None:
        self._part = Part(room)
        writable = os.access(room.folder, os.W_OK)
        super().__init__(IN_MEMORY, dir=str(room.folder) if writable else None)

    def write(self, content: Any) -> int:
        """Add to the body.

        Raises
        ------
        NoRoom
            If the disk is full, or others take all the room there is.
        """
        if (size := self.tell() + len(content)) > FREE:
            self._part.grow(size - self._part.size)
        try:
            return super().write(content)
        except OSError as error:
            raise NoRoom(f"the body cannot be kept in VAR_DIR: {error.strerror}") from error

    def seek(self, *place: int) -> int:
        """Go to a place, as files do; what is not yet written goes to the disk then."""
        try:
            return super().seek(*place)
        except OSError as error:
            raise NoRoom(f"the body cannot be kept in VAR_DIR: {error.strerror}") from error

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the body."""
        super().close()
        self._part.give_back()
