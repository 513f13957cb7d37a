"""Reads a body of Parquet at once, as MLflow's clients send it: all its rows, or every fault."""

import io
import tempfile

import numpy as np

from serving.errors import InvalidRecords
from serving.formats.arrow import PARQUET
from serving.formats.arrow.conversion import convert
from serving.formats.arrow.messages import Reader, ToRead
from serving.inputs.schema import Rows, Schema

MAX_BYTES = 2**28  # that the columns of fields may have, unpacked


def read(schema: Schema, content: bytes, max_records: int) -> tuple[Rows, list[str]]:
    """Read a file; return rows, and the columns that are not fields.

    Raises
    ------
    NotATable, TooManyRecords, InvalidRecords
    """
    task = ToRead(PARQUET, schema.fields, schema.table, max_records, MAX_BYTES)
    with tempfile.TemporaryFile() as file, io.BytesIO() as made:
        file.write(content)
        convert(task, file, made)
        reader = Reader(made, schema)
        batches = [*reader]
    faults = [each for batch in batches for found in batch.faults.values() for each in found]
    if faults:
        raise InvalidRecords(faults)
    remarks = {
        batch.first + row: found for batch in batches for row, found in batch.rows.remarks.items()
    }
    matrix = np.concatenate([batch.rows.matrix for batch in batches])
    return Rows(matrix, remarks, many=True), reader.unused
