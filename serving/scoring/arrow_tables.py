"""Files and streams of Arrow's IPC format as tables, as Feather is too.

A record batch is what is unpacked at once; of a local file what is not compressed is not even read
before it is used.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import ipc

from serving.scoring.batch_sizes import PROBED, rows_at_a_time, varying, width
from serving.scoring.run import Source

AHEAD = 2**20  # bytes that are read of a stream at once


class ArrowFile:
    """A file of Arrow, whose record batches are its row groups; see `Table`."""

    group = "record batch"

    def __init__(self, file: Any, source: Source) -> None:
        self._file = file
        if "://" not in source.folder:
            file.close()
            self._file = pa.memory_map(source.address)
        self.schema: pa.Schema = ipc.open_file(self._file).schema

    def count(self) -> list[int]:
        """Return how many rows each record batch has, which their columns alone can show."""
        reader = self._open(_smallest(self.schema))
        return [reader.get_batch(at).num_rows for at in range(reader.num_record_batches)]

    def batches(self, groups: range, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns of consecutive record batches."""
        reader = self._open(map(self.schema.get_field_index, columns))
        return _in_pieces(map(reader.get_batch, groups))

    def _open(self, columns: Iterable[int]) -> Any:
        self._file.seek(0)
        options = ipc.IpcReadOptions(use_threads=False, included_fields=[*columns])
        return ipc.open_file(self._file, options=options)

    def close(self) -> None:
        """End the reading."""
        self._file.close()


class ArrowStream:
    """A stream of Arrow, which has no footer: it is read from its beginning, as one row group."""

    group = ""

    def __init__(self, file: Any, _: Source) -> None:
        self._file = file
        self.schema: pa.Schema = ipc.open_stream(pa.PythonFile(_Lent(file), "r")).schema

    def count(self) -> list[int]:
        """Return how many rows there are, for which it is read to its end."""
        return [sum(batch.num_rows for batch in self._open(_smallest(self.schema)))]

    def batches(self, groups: range, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns of all."""
        reader = self._open(map(self.schema.get_field_index, columns))
        return _in_pieces(reader if groups else [])

    def _open(self, columns: Iterable[int]) -> Any:
        self._file.seek(0)
        options = ipc.IpcReadOptions(use_threads=False, included_fields=[*columns])
        stream = pa.input_stream(pa.PythonFile(_Lent(self._file), "r"), buffer_size=AHEAD)
        return ipc.open_stream(stream, options=options)

    def close(self) -> None:
        """End the reading."""
        self._file.close()


class _Lent:
    """A file that stays open when what reads it ends."""

    closed = False

    def __init__(self, file: Any) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        """Leave it open."""


def _smallest(schema: pa.Schema) -> list[int]:
    """Return the position of a column that takes little to read, if there is any."""
    widths = [width(kind) for kind in schema.types]
    places = range(len(widths))
    return sorted(places, key=lambda at: math.inf if widths[at] is None else widths[at] or 0)[:1]


def _in_pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        batch.validate(full=True)  # offsets may point anywhere
        if batch.num_rows:
            probed = varying(batch.schema, batch.schema.names)
            rows = rows_at_a_time(batch.schema.types, batch.slice(0, PROBED).select(probed))
            yield from (batch.slice(first, rows) for first in range(0, batch.num_rows, rows))
