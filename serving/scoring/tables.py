"""Files as tables: row groups, whose rows are read some at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import parquet, types

from serving.errors import NotATable
from serving.places.places import place
from serving.scoring.run import Section, Source

ROWS, BYTES = 8_192, 2**24  # of a batch
PROBED = 64  # rows by which the size of texts is estimated
BUFFERS = 2**26  # bytes that are read ahead, of all columns
BUFFER = 2**16, 2**22  # bytes of one column, at least and at most


class Table:
    """A file of Parquet.

    Attributes
    ----------
    groups : list of int
        How many rows each of its row groups has.

    Raises
    ------
    OSError, ObjectStoreError, pa.ArrowException
        If it cannot be read.
    """

    def __init__(self, source: Source) -> None:
        self._opened = file = place(source.folder).open(source.name, source.size)
        metadata = parquet.read_metadata(file)
        smallest, largest = BUFFER
        buffer = min(largest, max(smallest, BUFFERS // max(1, metadata.num_columns)))
        file.seek(0)
        # Without a buffer, or with pre_buffer, row groups are read whole.
        self._file = parquet.ParquetFile(
            file, metadata=metadata, buffer_size=buffer, pre_buffer=False
        )
        self.source = source
        self.schema: pa.Schema = self._file.schema_arrow
        self.groups = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]

    def close(self) -> None:
        """End the reading."""
        self._opened.close()

    def batches(self, section: Section, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns of a section, as many rows at a time as memory is meant for.

        Where batches end depends on the section alone.
        """

        def read(rows: int) -> Iterator[pa.RecordBatch]:
            groups = range(section.first, section.end)
            found: Iterator[pa.RecordBatch] = self._file.iter_batches(
                rows, row_groups=groups, columns=columns, use_threads=False
            )
            return found

        first = next(read(PROBED), None)
        if first is None:
            return
        size = max(1, sum(map(_unpacked_size, first.columns)) // first.num_rows)
        yield from read(max(1, min(ROWS, BYTES // size)))


def _unpacked_size(column: Any) -> int:
    unpacked = column.dictionary_decode() if types.is_dictionary(column.type) else column
    return int(unpacked.nbytes)


class SectionReader:
    """Reads rows of a section in order; to skip some they are decoded, but not predicted."""

    def __init__(self, table: Table, section: Section, columns: Sequence[str]) -> None:
        self._schema, self._section = table.schema, section
        self._batches = table.batches(section, columns)
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
