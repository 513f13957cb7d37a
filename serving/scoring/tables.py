"""Files as tables, whose rows are read some at a time: in the order of their row groups."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Protocol

import pyarrow as pa

from serving.errors import NotATable
from serving.places.places import place
from serving.scoring.arrow_tables import ArrowFile, ArrowStream
from serving.scoring.parquet_tables import ParquetTable
from serving.scoring.parts import Section
from serving.scoring.run import Source

MAGIC = 4  # bytes
FEATHER = b"FEA1"
KINDS: dict[bytes, Callable[[Any, Source], "Table"]] = {
    b"PAR1": ParquetTable,
    b"PARE": ParquetTable,  # with an encrypted footer, which pyarrow explains
    b"ARRO": ArrowFile,
    b"\xff\xff\xff\xff": ArrowStream,
}


class Table(Protocol):
    """A file that is open.

    Row groups are those of Parquet; the record batches of a file of Arrow; or all of a stream.

    Attributes
    ----------
    schema : pa.Schema
    group : str
        What a row group is called; nothing if there is but one.
    """

    schema: pa.Schema
    group: str

    def count(self) -> list[int]:
        """Return how many rows each row group has."""

    def batches(self, groups: range, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns of consecutive row groups, as many rows at a time as memory is meant for.

        Where batches end depends on these row groups alone.
        """

    def close(self) -> None:
        """End the reading."""


def open_table(source: Source) -> Table:
    """Open a file of the format that its first bytes are of, whatever it is called.

    Raises
    ------
    NotATable
        If it has another.
    OSError, ObjectStoreError, pa.ArrowException
        If it cannot be read.
    """
    file = place(source.folder).open(source.name, source.size)
    with ExitStack() as after_failure:
        after_failure.callback(file.close)
        magic = file.read(MAGIC)
        file.seek(0)
        if magic == FEATHER:
            raise NotATable("it is of the first version of Feather; write it again as the second")
        if magic not in KINDS:
            raise NotATable("it begins neither as a file of Parquet nor as one of Arrow does")
        table = KINDS[magic](file, source)
        after_failure.pop_all()
        return table


class SectionReader:
    """Reads rows of a section in order; to skip some they are decoded, but not predicted."""

    def __init__(self, table: Table, section: Section, columns: Sequence[str]) -> None:
        self._schema, self._section = table.schema, section
        self._batches = table.batches(range(section.first, section.end), columns)
        self._batch = _empty(table.schema)
        self._end = 0  # the row that comes after those of the batch

    def is_before(self, section: Section, first: int) -> bool:
        """Whether a row of a section can be read still."""
        return section == self._section and self._end - self._batch.num_rows <= first

    def rows(self, first: int, end: int) -> Iterator[pa.RecordBatch]:
        """Read rows from `first` to before `end`; of none a batch without rows.

        Raises
        ------
        NotATable
            If there are fewer.
        """
        if first == end:
            yield _empty(self._schema)
        while first < end:
            while self._end <= first:
                batch = next(self._batches, None)
                if batch is None:
                    raise NotATable("it has fewer rows than its footer lists; write it again")
                self._batch = batch
                self._end += batch.num_rows
            batch = self._batch
            batch = batch.slice(batch.num_rows - (self._end - first), end - first)
            yield batch
            first += batch.num_rows


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, each.type) for each in schema], schema=schema)
