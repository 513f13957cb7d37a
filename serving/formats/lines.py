"""The lines of a stream, none so long that it would fill the memory."""

from collections.abc import Iterator
from typing import BinaryIO

from serving.errors import NotATable

LONGEST = 2**20  # bytes of a record


class Lines:
    """Lines as a stream gives them, ends included; the stream stays open.

    Attributes
    ----------
    taken : int
        Bytes read since it was set to 0, which is to be done after each record.

    Raises
    ------
    NotATable
        At a record that is too long, before more of it is read.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._readline = stream.readline
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        """Begin where the stream stands."""
        return self

    def __next__(self) -> bytes:
        """The next line, or so much of it as a record may have."""
        line = self._readline(LONGEST)
        if not line:
            raise StopIteration
        self.taken += len(line)
        if self.taken >= LONGEST:
            raise NotATable(f"a record has {LONGEST} bytes or more")
        return line
