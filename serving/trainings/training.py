"""A training: a file, how its columns are taken, what is to be predicted, and how far it is."""

from typing import Annotated, Literal, Self, get_args

import msgspec
from msgspec import Meta

from serving.sentence import Said, Sentence

State = Literal["reading", "ready", "queued", "training", "done", "failed", "cancelled"]
# How a column is taken; `integer` and `boolean` are kinds of numbers and categories.
Type = Literal["integer", "number", "category", "boolean", "date", "text"]
Task = Literal["classification", "regression"]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]

TYPES: tuple[Type, ...] = get_args(Type)
WAITING, BUSY = ("reading", "queued", "training"), ("reading", "training")
ENDED = ("done", "failed", "cancelled")
AUTO = "auto"
# Those of `train/fitting/estimators.py`, which serving does not import.
ESTIMATORS = (
    *(AUTO, "random-forest", "extra-trees", "hist-gradient-boosting", "decision-tree", "linear"),
    *("lightgbm", "xgboost"),
)
# The models whose data training knows: `train/problems/` has a module of each name.
PROBLEMS = ("wine", "wine-score", "diabetes", "loan", "imoveis", "credit")

# What a client may choose has limits, as it is kept and sent with each list of trainings.
Name = Annotated[str, Meta(max_length=500)]  # of a column
Text = Annotated[str, Meta(max_length=1_000)]
Unit = Annotated[str, Meta(max_length=30)]
Listed = Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=100)]


class ColumnChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a column is to be taken, where that differs from what its values show.

    Attributes
    ----------
    use : bool or None
        Whether to predict from it.
    unit : str or None
        Of its numbers.
    missing : list of str
        Values that stand for a missing one.
    """

    use: bool | None = None
    type: Type | None = None
    unit: Unit | None = None
    missing: Listed = []


class TrainingColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the file as it is taken.

    Attributes
    ----------
    missing : int
        The rows without a value.
    missing_values : list of str
        The values that stand for a missing one.
    used : bool
        Whether the model predicts from it.
    why : str
        Why it is left out; empty if it is used.
    remark : str
        What a person should look at; empty if nothing.
    values : str
        Its range, or its most frequent labels.
    low, high : float or None
        The ends of the range; of dates in days since 1970-01-01.
    distinct : int
        How many different values it has.
    """

    name: str
    type: Type
    unit: str = ""
    missing: int = 0
    missing_values: list[str] = []
    used: bool = True
    why: str = ""
    remark: str = ""
    values: str = ""
    low: float | None = None
    high: float | None = None
    distinct: int = 0


class TrainingProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a training is.

    Attributes
    ----------
    step : str
        What is done now.
    done, total : int
        Steps of the training; while a table is read, its bytes or columns.
    seconds : float
        Since it began.
    remaining : float or None
        Seconds that are left, by what the steps so far took; unknown while a table is read.
    """

    step: str
    done: int
    total: int
    seconds: float
    remaining: float | None


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """A training.

    Attributes
    ----------
    file : str
        The name of the file, or of the model that is trained again.
    who : str
        The name of the key, or the address, that asked for it.
    has_file : bool
        Whether the file is still there; it is deleted when the training is done or cancelled, and
        after a day.
    rows : int or None
        Of the file, once it is read.
    remarks : list of str
        What was decided about the file.
    name : str
        Of the model.
    choices : dict of str to ColumnChoice
        What was chosen for columns.
    why : str
        Why it was started, for people.
    error : str
        Why it failed, or what cannot be trained as it is chosen; empty if nothing.
    version : int or None
        What was trained.
    live : int or None
        The version of the model that was live when it was asked for.
    """

    id: str
    file: str
    bytes: int
    created: Time
    who: str
    state: State
    has_file: bool = True
    rows: int | None = None
    columns: list[TrainingColumn] = []
    remarks: list[str] = []
    target: str = ""
    name: str = ""
    estimator: str = AUTO
    task: Task | None = None
    choices: dict[str, ColumnChoice] = {}
    with_feedback: bool = False
    why: str = ""
    progress: TrainingProgress | None = None
    error: str = ""
    version: int | None = None
    live: int | None = None
    ended: Time | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a training.

    Attributes
    ----------
    since : str
        When it began to wait; the first to wait is the first to be carried out.
    attempts : int
        How often a worker has begun it.
    said : dict of str to Said
        What its texts are made of, by the text; those of libraries are not here.
    """

    training: Training
    since: Time
    attempts: int = 0
    said: dict[str, Said] = {}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What the process that reads or trains leaves when it is done; `said` is as in Kept."""

    rows: int | None = None
    columns: list[TrainingColumn] = []
    remarks: list[str] = []
    task: Task | None = None
    error: str = ""
    version: int | None = None
    said: dict[str, Said] = {}

    @classmethod
    def failed(cls, why: Sentence) -> Self:
        """The result of what could not be done."""
        return cls(error=str(why), said={str(why): why.said()})


class Step(msgspec.Struct, frozen=True):
    """What the process that trains leaves while it does, for whoever looks."""

    progress: TrainingProgress
    said: Said
