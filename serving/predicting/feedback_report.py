"""What became of the feedback in a table, and the columns that it was read from."""

from typing import Literal

import msgspec

from serving.errors import NotATable
from serving.inputs.names import Names
from serving.inputs.shown import listed

LISTED = 50  # problems in a report

Kind = Literal["refused", "unmatched", "repeated"]


class FeedbackColumns(msgspec.Struct, frozen=True):
    """Which columns of a table are read; none where there is no such column."""

    id: str | None
    own_id: str | None
    actual: str | None


class FeedbackProblem(msgspec.Struct, frozen=True):
    """A row that is not feedback to a prediction that is recorded here, or not the only one.

    Attributes
    ----------
    line : int
        Of the table, from 1; the row of a spreadsheet.
    id, actual : str
        As they are in the table, shortened.
    kind : str
        `refused` and not recorded; `unmatched`, as no prediction has the id: recorded if it is not
        an own id; `repeated`, as a line before has the same prediction: recorded, and the last one
        counts.
    """

    line: int
    id: str
    actual: str
    kind: Kind
    message: str


class FeedbackTableReport(msgspec.Struct):
    """What became of the feedback in a table.

    Attributes
    ----------
    columns : list of str
        Those of the table.
    read : FeedbackColumns
        Those that were read.
    recorded : int
        Rows that were recorded, or would be with `record=true`.
    matched : int or null
        How many of them have a prediction here; null if that cannot be known now.
    unmatched, refused, repeated : int
        The rows of each kind of problem.
    skipped : int
        Rows without an actual value.
    problems : list of FeedbackProblem
        The first ones, in the order of their lines.
    sheet : str
        Of a workbook, that which was read.
    """

    columns: list[str]
    read: FeedbackColumns
    rows: int = 0
    recorded: int = 0
    matched: int | None = 0
    unmatched: int = 0
    refused: int = 0
    repeated: int = 0
    skipped: int = 0
    problems: list[FeedbackProblem] = []
    sheet: str = ""

    def require_columns(self) -> None:
        """Require a column of ids, and one of actual values.

        Raises
        ------
        NotATable
        """
        read, names = self.read, tuple(self.columns)
        if read.actual is None:
            missing, remedy = "actual", "send its name as ?actual=…"
        elif read.id is None and read.own_id is None:
            missing, remedy = "id or own_id", "send the name of one as ?id=… or ?own_id=…"
        else:
            return
        raise NotATable(f"there is no column {missing}; there are {listed(names)}: {remedy}")


def find_columns(names: tuple[str, ...], chosen: FeedbackColumns) -> FeedbackColumns:
    """Find the columns that are read; where one is chosen for ids, no other is.

    Raises
    ------
    NotATable
        If there is no column of a name that was chosen.
    """
    matched = Names(FeedbackColumns.__struct_fields__).match(names).fields
    is_chosen = chosen.id is not None or chosen.own_id is not None

    def column(name: str) -> str | None:
        sent: str | None = getattr(chosen, name)
        if sent is None:
            return None if is_chosen and name != "actual" else matched.get(name)
        if sent not in names:
            near = [each for each in names if each.casefold() == sent.strip().casefold()]
            if len(near) != 1:
                raise NotATable(
                    f"{name}={sent!r}: there is no such column; there are {listed(names)}"
                )
            (sent,) = near
        return sent

    return FeedbackColumns(column("id"), column("own_id"), column("actual"))
