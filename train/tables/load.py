"""The table of files of any kind, if there is memory for it."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from serving.sentence import Sentence
from train.errors import TrainingError
from train.memory.estimate import of_reading
from train.memory.require import require
from train.tables.files import Files, are_parquet
from train.tables.infer import Echo
from train.tables.options import ColumnOptions
from train.tables.read import Sheet, read, size

if TYPE_CHECKING:
    from train.tables.parquet import Typed


def load(files: Files, target: str, options: ColumnOptions, echo: Echo) -> "Sheet | Typed":
    """Read files of CSV or Parquet, if there is memory for them.

    Raises
    ------
    TrainingError
    """
    if not are_parquet(files):
        rows, columns, text = size(files)
        needed = of_reading(rows, columns, text, is_csv=True)
        _require_memory(needed, rows, columns, echo)
        return read(*files, drop=options.drop)
    if find_spec("pyarrow") is None:
        raise TrainingError(
            Sentence(
                "Parquet needs pyarrow, which is optional: pip install -r requirements-parquet.txt"
            )
        )
    from train.tables import parquet  # noqa: PLC0415 - which imports pyarrow

    rows, columns, text = parquet.size(files, options.drop)
    needed = of_reading(rows, columns, text, is_csv=False)
    _require_memory(needed, rows, columns, echo)
    return parquet.read(files, target, options)


def _require_memory(needed: int, rows: int, columns: int, echo: Echo) -> None:
    what = Sentence(
        "reading {rows:,} {rows:row|rows} of {columns:,} {columns:column|columns}",
        rows=rows,
        columns=columns,
    )
    if remark := require(needed, what):
        echo(remark)
