"""Files of Parquet that `adega predict` reads, and the folders that it writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
from click.testing import Result
from conftest import BAD, GOOD, wine
from pyarrow import parquet

Run = Callable[..., Result]
RECORDS = [GOOD, BAD, wine(alcohol=15.5), wine(pH=-1.0), wine(alcohol=9.25), wine(color=None)]


def write(file: Path, records: list[dict[str, Any]] | None = None, **options: Any) -> Path:
    """Write records as a file of Parquet."""
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(
        pa.Table.from_pylist(RECORDS if records is None else records), file, **options
    )
    return file


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Read all parts, in their order."""
    parts = [parquet.read_table(part) for part in sorted(folder.glob("part-*.parquet"))]
    return [row for part in parts for row in part.to_pylist()]


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}
