"""model.json: what a version of a model is, what it takes and how good it is."""

import hashlib
from typing import Any, Literal

import msgspec

from serving.inputs.field import Field
from serving.inputs.tables import Table
from serving.models.paired import Paired


class Threshold(msgspec.Struct, frozen=True):
    """The probability, `value`, from which a label is predicted; `reason` is why it was chosen."""

    label: str
    value: float
    reason: str


class Interval(msgspec.Struct, frozen=True):
    """How far the actual value lies from a prediction: split conformal prediction.

    Lei et al. (2018), Distribution-Free Predictive Inference for Regression, JASA 113, 1094-1111.

    Attributes
    ----------
    coverage : float
        The share of actual values that the interval is meant to contain.
    low, high : float
        The interval's ends less the prediction, in the target's unit; `low` is usually negative.
    relative : bool
        Whether `low` and `high` are fractions of the prediction instead.
    observed : float
        The share that it contained of `rows` rows, unseen by both the model and the interval.
    """

    coverage: float
    low: float
    high: float
    relative: bool
    observed: float
    rows: int


class Figure(msgspec.Struct, frozen=True):
    """A metric on held-out folds: mean, standard deviation over the folds, and the baseline's."""

    mean: float
    spread: float
    baseline: float


NOT_STATED = "not stated"  # the licence of data that are a file of somebody's
UNKNOWN_DATA = "the training data are not known"  # the end of the source, of an imported version


class LiveData(msgspec.Struct, frozen=True):
    """Live records with feedback that a version was trained on.

    Attributes
    ----------
    since, until : int
        When the first and the last of them were predicted: milliseconds since 1970, UTC.
    replaced : int
        Rows of the file that were left out because newer feedback on an equal record differs.
    left_out : int
        Predictions with feedback that are not recorded in full, or do not fit fields and labels.
    """

    rows: int
    since: int
    until: int
    replaced: int
    left_out: int


class TrainingData(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the training data came from; `rows` counts those trained on, live ones among them."""

    source: str
    licence: str
    sha256: str
    rows: int
    live: LiveData | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether there is only a sample, of a version that was imported."""
        return self.source.endswith(UNKNOWN_DATA)


class Comparison(msgspec.Struct, frozen=True):
    """A version's held-out predictions of live rows compared with the live version's.

    Attributes
    ----------
    version : int
        The version that was live.
    loss : str
        The loss that is compared; lower is better.
    since, until : int
        When the first and the last row were predicted: milliseconds since 1970, UTC.
    """

    version: int
    loss: str
    since: int
    until: int
    paired: Paired


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column of the frame that an estimator takes, by its pandas dtype.

    Attributes
    ----------
    dtype : {"category", "object"}
        Object for texts with None for a missing value.
    categories : tuple
        Of the dtype category, in the order in which the estimator was fitted on them.
    """

    dtype: Literal["category", "object"]
    categories: tuple[str | int | float | bool, ...] = ()


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What a version of a model is, what it takes and how good it is.

    Attributes
    ----------
    unit : str
        Of a regression's target.
    table : Table or None
        The format of the training file, by which tables from clients are read.
    classes : tuple of str
        The labels, in the order of the estimator's own `classes_`; none for a regression.
    threshold : Threshold or None
        For two classes only. Without it the most probable class is predicted, the first of equals.
    interval : Interval or None
        For a regression only.
    outputs : {"probabilities", "labels", "both"}
        What a classifier returns for a row. Labels alone if it has no probabilities; both if the
        labels of its `predict` follow neither from a threshold nor from the highest probability.
    takes : {"matrix", "frame", "texts"}
        What the pickled estimator takes: rows as they are, a pandas frame with the fields as
        columns and categories as labels, or the texts of the only field.
    columns : dict of str to Column
        The columns of such a frame whose dtype does not follow from their field.
    known : dict of str to tuple of float
        The values of numeric fields that an encoder knows, where it refuses all others.
    metrics : dict of str to Figure
        Computed by `evaluation`.
    published : str
        The metric that tutorials publish for this problem, and why ours differs.
    compared : Comparison or None
        The comparison with the version that was live when this one was trained on live rows.
    """

    name: str
    version: int = 0
    title: str
    task: Literal["classification", "regression"]
    target: str
    unit: str = ""
    fields: tuple[Field, ...]
    table: Table | None = None
    classes: tuple[str, ...] = ()
    threshold: Threshold | None = None
    interval: Interval | None = None
    outputs: Literal["probabilities", "labels", "both"] = "probabilities"
    takes: Literal["matrix", "frame", "texts"] = "matrix"
    columns: dict[str, Column] = {}
    known: dict[str, tuple[float, ...]] = {}
    example: dict[str, Any]
    evaluation: str
    metrics: dict[str, Figure]
    published: str = ""
    data: TrainingData
    libraries: dict[str, str]
    created: str
    compared: Comparison | None = None

    def __post_init__(self) -> None:
        """Refuse a manifest that contradicts itself."""
        classes = self.classes
        if self.task == "regression" and (classes or self.threshold):
            raise ValueError("a regression has no classes and no threshold")
        if self.task == "classification" and (len(set(classes)) < max(2, len(classes))):
            raise ValueError(f"a classification has two or more different classes, not {classes}")
        if self.threshold and (len(classes) > 2 or self.threshold.label not in classes):  # noqa: PLR2004
            raise ValueError("a threshold is for one of two classes")
        if self.threshold and self.outputs != "probabilities":
            raise ValueError("a threshold decides from probabilities")
        if self.interval and classes:
            raise ValueError("an interval is for a regression")


class Manifest(Description, frozen=True, kw_only=True):
    """model.json: a version's description, with what its folder must hold.

    Attributes
    ----------
    files : dict of str to str
        The sha256 of each other file of the folder.
    """

    files: dict[str, str] = {}

    @property
    def sha256(self) -> str:
        """Of the manifest, and so of all files that it lists."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()
