"""What the processes of a run are told to do, and what they report."""

import msgspec

from serving.scoring.options import Options
from serving.scoring.parts import Part
from serving.scoring.run import Source

MAX_FAULTS = 5  # invalid records that are listed


class Setup(msgspec.Struct):
    """By which version all parts are predicted, how, and where they are written."""

    model: str
    version: int
    options: Options
    output: str


class Plan(msgspec.Struct, tag=True):
    """Check the columns of a file, and count its rows."""

    source: Source


class Predict(msgspec.Struct, tag=True):
    """Predict a part, and write it; `kept` are the columns that are kept, in their order."""

    part: Part
    kept: list[str]


class Count(msgspec.Struct, tag=True):
    """Read what was counted of a part that is there."""

    part: Part


class Planned(msgspec.Struct, tag=True):
    """What a file has.

    Attributes
    ----------
    groups : list of int
        How many rows each of its row groups has.
    kept : dict of str to str
        The columns that are kept, and their types.
    unused : list of str
        The columns that are not fields.
    """

    groups: list[int]
    kept: dict[str, str]
    unused: list[str]


class Counted(msgspec.Struct, tag=True):
    """What a part has; `faults` are the first of its invalid records."""

    records: int
    invalid: int
    with_warnings: int
    faults: list[str]


class Progress(msgspec.Struct, tag=True):
    """How many records of the part in hand are predicted so far."""

    records: int


class Failed(msgspec.Struct, tag=True):
    """Why a task cannot be done."""

    message: str


Task = Plan | Predict | Count
Result = Planned | Counted | Failed
