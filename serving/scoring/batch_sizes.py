"""How many rows are read at a time, so that they take little memory whatever their texts are."""

import pyarrow as pa
from pyarrow import types

ROWS, BYTES = 8_192, 2**24  # of a batch
PROBED = 64  # rows by which the size of texts is estimated


def rows_at_a_time(first: pa.RecordBatch) -> int:
    """Return how many rows like the first ones are read at a time; there is at least one."""
    size = sum(map(_unpacked_size, first.columns)) // first.num_rows
    return int(max(1, min(ROWS, BYTES // max(1, size))))


def _unpacked_size(column: pa.Array) -> int:
    unpacked = column.dictionary_decode() if types.is_dictionary(column.type) else column
    return int(unpacked.nbytes)
