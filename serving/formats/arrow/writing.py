"""From predictions as columns to Arrow's record batches."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

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
