"""Several files of one table, as CSV and Parquet."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from train.tables import files, read
from train.tables import parquet as typed
from train.tables.infer import Inferred, infer
from train.tables.options import ColumnOptions

ROWS = 60


def rows(begin: int = 0, **others: Any) -> dict[str, Any]:
    """Columns of rows: a number, labels to predict, and others."""
    numbers = [0.5 * (at % 31) for at in range(begin, begin + ROWS)]
    return {"number": numbers, "label": ["yes", "no", "no"] * 20} | others


def csvs(folder: Path, *tables: dict[str, Any], **options: Any) -> list[Path]:
    """Write files a.csv, b.csv and so on."""
    found = [folder / f"{name}.csv" for name, _ in zip("abc", tables, strict=False)]
    for file, table in zip(found, tables, strict=True):
        pd.DataFrame(table).to_csv(file, index=False, **options)
    return found


def parquets(folder: Path, *tables: Any) -> list[Path]:
    """Write files a.parquet, b.parquet and so on."""
    found = [folder / f"{name}.parquet" for name, _ in zip("abc", tables, strict=False)]
    for file, table in zip(found, tables, strict=True):
        parquet.write_table(table if isinstance(table, pa.Table) else pa.table(table), file)
    return found


def inferred(paths: list[Path], **options: Any) -> tuple[Inferred, list[str]]:
    """Find the fields of files, and what is remarked on them."""
    told, remarks = ColumnOptions(**options), list[str]()
    given = tuple(paths)
    sheet: Any = (
        typed.read(given, "label", told)
        if files.are_parquet(given)
        else read.read(*given, drop=told.drop)
    )
    return infer(sheet, "label", None, told, remarks.append), remarks
