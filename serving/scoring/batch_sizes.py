"""How many rows are read at a time, so that they take little memory whatever their texts are."""

from collections.abc import Iterable

import pyarrow as pa
from pyarrow import types

ROWS, BYTES = 8_192, 2**24  # of a batch
PROBED = 64  # rows by which the size of texts is estimated


def varying(schema: pa.Schema, columns: Iterable[str]) -> list[str]:
    """Return the columns whose values have no fixed size."""
    return [name for name in columns if width(schema.field(name).type) is None]


def width(kind: pa.DataType) -> int | None:
    """Return the bits that a value takes, unpacked; None if it depends on the value."""
    if types.is_dictionary(kind):
        return None
    try:
        return int(kind.bit_width)
    except ValueError:
        return None


def rows_at_a_time(columns: Iterable[pa.DataType], probed: pa.RecordBatch | None) -> int:
    """Return how many rows are read at a time.

    Parameters
    ----------
    columns : iterable of pa.DataType
        Of all that are read.
    probed : pa.RecordBatch, optional
        The first rows of those whose values have no fixed size.
    """
    bits = sum(width(kind) or 0 for kind in columns)
    size = bits // 8
    if probed is not None:
        size += sum(map(_unpacked_size, probed.columns)) // max(1, probed.num_rows)
    return int(max(1, min(ROWS, BYTES // max(1, size))))


def _unpacked_size(column: pa.Array) -> int:
    unpacked = column.dictionary_decode() if types.is_dictionary(column.type) else column
    return int(unpacked.nbytes)
