"""The lines of a stream, with a limit on the bytes of a record."""

import codecs
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from serving.errors import NotATable
from serving.sentence import Sentence

MAX_BYTES = 2**20  # of a record
PIECE = 2**16
# A quote may hold the end of a line, a zero byte is no text, and the others are kinds of spaces: a
# line of them alone is empty.
SPECIAL = b'"\0\v\f\x1c\x1d\x1e\x1f'
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Lines:
    """The lines of a stream, with their ends; the stream stays open.

    A stream that begins with the byte order mark of UTF-16 is converted to UTF-8.

    Parameters
    ----------
    max_bytes : int
        How many bytes a record may have.

    Attributes
    ----------
    taken : int
        Bytes read since it was last set to 0; the caller does so after each record.
    has_blocks : bool
        Whether there may be blocks of plain lines; the caller sets it to False where one line of
        bytes becomes several of text.

    Raises
    ------
    NotATable
        For a record that is too long, before more of it is read.
    """

    def __init__(self, stream: BinaryIO, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._readline: Callable[[int], bytes] = stream.readline
        first = stream.readline(max_bytes)
        self._read = stream.read
        self.has_blocks = not first.startswith(UTF_16)
        if not self.has_blocks:
            self._readline = _FromUTF16(stream, first).readline
            first = self._readline(max_bytes)
        self._begun = io.BytesIO(first)
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        """Return the iterator, which begins at the stream's position."""
        return self

    def __next__(self) -> bytes:
        """Return the next line, or as much of it as a record may have."""
        line = self._begun.readline() or self._readline(self._max_bytes)
        if not line:
            raise StopIteration
        self.taken += len(line)
        if self.taken >= self._max_bytes:
            raise NotATable(
                Sentence(
                    "a record has {bytes} bytes or more; send shorter ones", bytes=self._max_bytes
                )
            )
        return line

    def plain_block(self) -> list[str] | None:
        """Return the next lines, if each is a record by itself and ASCII; nothing at the end.

        Lines of which that is not certain are left to the iterator: None.
        """
        if not self.has_blocks or self._begun.tell() < self._begun.getbuffer().nbytes:
            return None
        block = self._read(PIECE)
        block += self._readline(self._max_bytes) if block else b""
        returns = block.count(b"\r")
        if (
            block.isascii()
            and len(block) < self._max_bytes
            and not any(each in block for each in SPECIAL)
            and (not returns or returns == block.count(b"\r\n"))
        ):
            return io.StringIO(block.decode()).readlines()  # these end with \n only
        self._begun = io.BytesIO(block)
        return None

    def put_back(self, lines: list[str]) -> None:
        """Give a block to the iterator after all."""
        self._begun = io.BytesIO("".join(lines).encode())


class _FromUTF16:
    """Reads a stream of UTF-16 as lines of UTF-8."""

    def __init__(self, stream: BinaryIO, begun: bytes) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-16")("replace").decode
        self._text = self._decode(begun)

    def readline(self, max_length: int) -> bytes:
        """Return the next line, or its first `max_length` characters; nothing at the end."""
        while (end := self._text.find("\n") + 1) == 0 and len(self._text) < max_length:
            piece = self._stream.read(PIECE)
            self._text += self._decode(piece, final=not piece)
            if not piece:
                break
        end = end or min(len(self._text), max_length)
        line, self._text = self._text[:end], self._text[end:]
        return line.encode("utf-8", "replace")
