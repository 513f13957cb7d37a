"""From predictions as columns to Arrow's record batches."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet, types

from serving.formats.predicted_columns import Column, Labels, PredictedColumns

MODEL, VERSION = "adega.model", "adega.version"  # metadata of a schema


def make_schema(
    names: Sequence[str],
    numbers: Collection[str],
    model: str,
    version: int,
    kept: Iterable[pa.Field] = (),
) -> pa.Schema:
    """Make the schema of predictions, after the columns that are kept of the records."""
    own = [pa.field(name, pa.float64() if name in numbers else pa.string()) for name in names]
    return pa.schema([*kept, *own], {MODEL: model, VERSION: str(version)})


def make_batch(
    schema: pa.Schema, made: PredictedColumns, kept: Sequence[pa.Array] = ()
) -> pa.RecordBatch:
    """Make a record batch of predictions, null where a record has an error."""
    own = list(schema)[len(kept) : -1]
    if made.columns:
        arrays = [_array(made.columns[field.name], field.type) for field in own]
    else:
        arrays = [pa.nulls(0, field.type) for field in own]
    errors = pa.nulls(made.records, pa.string())
    if made.errors:
        places = _places(made)
        arrays = [array.take(places) for array in arrays]
        errors = pa.array([made.errors.get(place) for place in range(made.records)], pa.string())
    return pa.RecordBatch.from_arrays([*kept, *arrays, errors], schema=schema)


def _array(column: Column, kind: pa.DataType) -> Any:
    if isinstance(column, Labels):
        return pa.array(column.labels, kind).take(pa.array(column.codes))
    return pa.array(column, kind, from_pandas=True)


def _places(made: PredictedColumns) -> Any:
    """Return, for each record, which of the valid ones it is; null for one with an error."""
    is_valid = np.ones(made.records, np.bool_)
    is_valid[[*made.errors]] = False
    return pa.array(np.cumsum(is_valid) - 1, mask=~is_valid)


def parquet_writer(out: Any, schema: pa.Schema) -> Any:
    """Open a writer of Parquet to a file; only texts get dictionaries, as numbers differ."""
    is_text = types.is_string, types.is_binary
    texts = [each.name for each in schema if any(is_of(each.type) for is_of in is_text)]
    return parquet.ParquetWriter(pa.PythonFile(out, mode="w"), schema, use_dictionary=texts)


def joined(batches: Iterable[pa.RecordBatch], rows: int, size: int) -> Iterator[pa.Table]:
    """Join batches until they have so many rows, or so many bytes."""
    waiting: list[pa.RecordBatch] = []
    rows_left, size_left = rows, size
    for batch in batches:
        waiting.append(batch)
        rows_left, size_left = rows_left - batch.num_rows, size_left - batch.nbytes
        if min(rows_left, size_left) <= 0:
            yield pa.Table.from_batches(waiting)
            waiting, rows_left, size_left = [], rows, size
    if waiting:
        yield pa.Table.from_batches(waiting)
