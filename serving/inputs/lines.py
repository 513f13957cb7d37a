"""The lines of a stream, none so long that it would fill the memory."""

import codecs
from collections.abc import Callable, Iterator
from typing import BinaryIO

from serving.errors import NotATable

LONGEST = 2**20  # bytes of a record
PIECE = 2**16
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Lines:
    """Lines as a stream gives them, ends included; the stream stays open.

    A stream that begins with the byte order mark of UTF-16 comes as UTF-8.

    Parameters
    ----------
    longest : int
        How many bytes a record may have.

    Attributes
    ----------
    taken : int
        Bytes read since it was set to 0, which is to be done after each record.

    Raises
    ------
    NotATable
        At a record that is too long, before more of it is read.
    """

    def __init__(self, stream: BinaryIO, longest: int = LONGEST) -> None:
        self._longest = longest
        self._readline: Callable[[int], bytes] = stream.readline
        self._first = stream.readline(longest)
        if self._first.startswith(UTF_16):
            self._readline = _FromUTF16(stream, self._first).readline
            self._first = self._readline(longest)
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        """Begin where the stream stands."""
        return self

    def __next__(self) -> bytes:
        """The next line, or so much of it as a record may have."""
        line, self._first = self._first or self._readline(self._longest), b""
        if not line:
            raise StopIteration
        self.taken += len(line)
        if self.taken >= self._longest:
            raise NotATable(f"a record has {self._longest} bytes or more")
        return line


class _FromUTF16:
    """A stream of UTF-16 read as lines of UTF-8."""

    def __init__(self, stream: BinaryIO, begun: bytes) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-16")("replace").decode
        self._text = self._decode(begun)

    def readline(self, longest: int) -> bytes:
        """The next line, or its first `longest` characters; nothing at the end."""
        while (end := self._text.find("\n") + 1) == 0 and len(self._text) < longest:
            piece = self._stream.read(PIECE)
            self._text += self._decode(piece, final=not piece)
            if not piece:
                break
        end = end or min(len(self._text), longest)
        line, self._text = self._text[:end], self._text[end:]
        return line.encode("utf-8", "replace")
