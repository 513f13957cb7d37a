"""A column of a sheet, with its kind and its values."""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from serving.inputs import dates
from serving.inputs.numerals import DEFAULT, Numerals

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["integer", "number", "date", "text"]


class Column(NamedTuple):
    """A column with its kind and its values.

    Attributes
    ----------
    content : Series
        Numbers, days since 1970-01-01, or trimmed texts; NaN where there is none.
    unit, numerals, format, missing
        As a Field has them.
    strays, remedy : str
        The cells that a person must decide on, and how; until then it is text.
    nearly : str
        What it is without these cells: number or date.
    has_numbers : bool
        Whether it is text although most of its cells are numbers.
    """

    name: str
    kind: Kind
    content: "pd.Series[Any]"
    unit: str = ""
    numerals: Numerals = DEFAULT
    format: str = ""
    missing: tuple[str, ...] = ()
    strays: str = ""
    remedy: str = ""
    nearly: str = ""
    has_numbers: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers to calculate with; days are not."""
        return self.kind in {"integer", "number"}


def shown(value: float, column: Column) -> str:
    """A number of a column as people read it: days as a date."""
    return dates.to_iso(value) if column.kind == "date" else f"{value:.12g}"


def plain(value: float, column: Column) -> float | str:
    """A number of a column for a sentence, which writes it; days as a date."""
    return dates.to_iso(value) if column.kind == "date" else value
