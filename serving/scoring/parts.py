"""The parts that files are divided into, each of which is predicted and written by itself."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from serving.places import SUFFIX
from serving.scoring.run import Source

MIN_ROWS, MAX_ROWS = 2**15, 2**18  # of a part: with fewer, opening and writing it takes longer
PARTS = 128  # that a run has at least, if these are not smaller: enough for many processes


class Section(msgspec.Struct, frozen=True):
    """Row groups of a file that are read one after the other: the first, and the rows of each."""

    source: Source
    first: int
    rows: tuple[int, ...]

    @property
    def end(self) -> int:
        """The row group after the last."""
        return self.first + len(self.rows)

    def find(self, row: int) -> tuple[int, int]:
        """Return the row group of a row, and which row of that it is."""
        group = 0
        while row >= self.rows[group]:
            row -= self.rows[group]
            group += 1
        return self.first + group, row


class Part(msgspec.Struct, frozen=True):
    """Rows of a section that are predicted together, from `first` to before `end`."""

    number: int
    section: Section
    first: int
    end: int

    @property
    def source(self) -> Source:
        """The file."""
        return self.section.source

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.end - self.first

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"part-{self.number:05d}{SUFFIX}"


def plan(sources: Sequence[Source], groups: Sequence[Sequence[int]]) -> list[Part]:
    """Divide files into parts, by nothing but their rows: whoever goes on has the same parts.

    Parameters
    ----------
    groups : sequence of sequence of int
        How many rows each row group of each file has.
    """
    max_rows = min(MAX_ROWS, max(MIN_ROWS, sum(map(sum, groups)) // PARTS))
    ranges = (
        (section, *rows)
        for source, counts in zip(sources, groups, strict=True)
        for section in _sections(source, counts, max_rows)
        for rows in _ranges(sum(section.rows), max_rows)
    )
    return [Part(number, *each) for number, each in enumerate(ranges)]


def _sections(source: Source, rows: Sequence[int], max_rows: int) -> Iterator[Section]:
    """Join row groups of a file while all have no more rows."""
    first = count = 0
    for group, more in enumerate(rows):
        if count and count + more > max_rows:
            yield Section(source, first, tuple(rows[first:group]))
            first, count = group, 0
        count += more
    yield Section(source, first, tuple(rows[first:]))


def _ranges(count: int, max_rows: int) -> Iterator[tuple[int, int]]:
    """Divide rows as evenly as possible; none are a part, too."""
    parts = max(1, -(-count // max_rows))
    return pairwise(count * at // parts for at in range(parts + 1))
