"""A file of Parquet as a table."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from serving.scoring.batch_sizes import PROBED, rows_at_a_time, varying
from serving.scoring.run import Source

BUFFERS = 2**26  # bytes that are read ahead, of all columns
BUFFER = 2**16, 2**22  # bytes of one column, at least and at most


class ParquetTable:
    """A file of Parquet, of which one row group is read at a time; see `Table`."""

    group = "row group"

    def __init__(self, file: Any, _: Source) -> None:
        metadata = parquet.read_metadata(file)
        smallest, largest = BUFFER
        buffer = min(largest, max(smallest, BUFFERS // max(1, metadata.num_columns)))
        file.seek(0)
        # Without a buffer, or with pre_buffer, row groups are read whole.
        self._file, self._metadata = file, metadata
        self._parquet = parquet.ParquetFile(
            file, metadata=metadata, buffer_size=buffer, pre_buffer=False
        )
        self.schema: pa.Schema = self._parquet.schema_arrow

    def count(self) -> list[int]:
        """Return how many rows each row group has."""
        groups = range(self._metadata.num_row_groups)
        return [self._metadata.row_group(at).num_rows for at in groups]

    def batches(self, groups: range, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns of consecutive row groups."""

        def read(rows: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
            found: Iterator[pa.RecordBatch] = self._parquet.iter_batches(
                rows, row_groups=groups, columns=columns, use_threads=False
            )
            return found

        # To probe a column a page of it is unpacked, so none is probed without need.
        probed = varying(self.schema, columns)
        first = next(read(PROBED, probed), None) if probed else None
        kinds = [self.schema.field(name).type for name in columns]
        yield from read(rows_at_a_time(kinds, first), columns)

    def close(self) -> None:
        """End the reading."""
        self._file.close()
