"""Files of Arrow that `adega predict` reads, and what it makes of them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from conftest import BAD, GOOD, wine
from pyarrow import ipc

RECORDS = [GOOD, BAD, wine(alcohol=15.5), wine(pH=-1.0), wine(alcohol=9.25), wine(color=None)]


def records(count: int = 60, first: int = 0) -> pa.Table:
    """Make records with ids, and with a text that is one of a few."""
    rows = [
        {"id": at, **RECORDS[at % len(RECORDS)], "day": f"day {at % 3}"}
        for at in range(first, first + count)
    ]
    return pa.Table.from_pylist(rows)


def write(file: Path, data: pa.Table, *, new: Any = ipc.new_file, rows: int = 7, **options: Any):
    """Write batches of so many rows."""
    file.parent.mkdir(exist_ok=True)
    with new(str(file), data.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        for batch in data.to_batches(max_chunksize=rows):
            writer.write_batch(batch)
