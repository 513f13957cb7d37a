"""What `python -m train` finds in a table, and says of it."""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from train.tables.infer import Inferred, infer
from train.tables.options import ColumnOptions
from train.tables.read import read


class Found:
    """What a table was found to hold, and what was said of it."""

    def __init__(self, table: pd.DataFrame, target: str, task: Any = None, **options: Any) -> None:
        self.said: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "data.csv"
            table.to_csv(file, index=False)
            told = ColumnOptions(**options)
            self.found: Inferred = infer(read(file), target, task, told, self.said.append)
        self.task, self.unit, self.frame = self.found.task, self.found.unit, self.found.frame
        self.fields = {field.name: field for field in self.found.fields}


def made(**columns: Any) -> pd.DataFrame:
    """A table of 60 rows: a number to learn from, labels to predict, and other columns."""
    number = [0.5 * (row % 31) for row in range(60)]
    return pd.DataFrame({"number": number, "label": ["yes", "no", "no"] * 20} | columns)
