"""What is said of a version of a model: its manifest, and the reference to hold live traffic to."""

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.inputs.tables import Table
from serving.models.paired import Paired


class Threshold(msgspec.Struct, frozen=True):
    """A label is predicted when its probability is at least `value`; `reason` says why there."""

    label: str
    value: float
    reason: str


class Interval(msgspec.Struct, frozen=True):
    """How far from a prediction the true value lies: split conformal prediction.

    Lei et al. (2018), Distribution-Free Predictive Inference for Regression, JASA 113, 1094-1111.

    Attributes
    ----------
    coverage : float
        The share of true values that the interval is made to hold.
    low, high : float
        The interval's ends less the prediction, in the target's unit; `low` is negative as a rule.
    relative : bool
        Whether `low` and `high` are parts of the prediction instead.
    observed : float
        The share that it held of `rows` rows, which neither the model nor the interval had seen.
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


class LiveData(msgspec.Struct, frozen=True):
    """Live records with feedback that a version was trained on.

    Attributes
    ----------
    since, until : int
        When the first and the last of them were answered: milliseconds since 1970, UTC.
    replaced : int
        Rows of the file that were left out, for what is true of their record is another thing now.
    left_out : int
        Answers with feedback that are not recorded in full, or do not fit fields and labels.
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


class Comparison(msgspec.Struct, frozen=True):
    """A version's held-out answers to live rows against what the live version had answered.

    Attributes
    ----------
    version : int
        The one that was live.
    loss : str
        What the means are of; lower is better.
    since, until : int
        When the first and the last row were answered: milliseconds since 1970, UTC.
    """

    version: int
    loss: str
    since: int
    until: int
    paired: Paired


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column of the frame that an estimator is given, by its pandas dtype.

    Attributes
    ----------
    dtype : {"category", "object"}
        Object for text in which None stands where a value is missing.
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
        How the file was written that it was trained on, for tables that are sent.
    classes : tuple of str
        The labels, in the order of the estimator's own `classes_`; none for a regression.
    threshold : Threshold or None
        For two classes only. Without one the most probable class is predicted, of equals the first.
    interval : Interval or None
        For a regression only.
    answers : {"probabilities", "labels", "both"}
        Of a classification, what the estimator is asked for. Labels alone where it has no
        probabilities; both where its `predict` does not follow from them by a threshold, nor is the
        most probable class.
    takes : {"matrix", "frame", "texts"}
        What the pickled estimator is given: rows as they are, a pandas frame with the fields as
        columns and categories as labels, or the texts of the only field.
    columns : dict of str to Column
        The columns of such a frame that are not as their field alone tells.
    known : dict of str to tuple of float
        The values of numeric fields that an encoder knows, where it refuses all others.
    metrics : dict of str to Figure
        Those of `evaluation`.
    published : str
        The figure that tutorials publish for this problem, and why ours differs.
    compared : Comparison or None
        With the version that was live when this one was trained on live rows.
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
    answers: Literal["probabilities", "labels", "both"] = "probabilities"
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
        """Refuse what contradicts itself."""
        classes = self.classes
        if self.task == "regression" and (classes or self.threshold):
            raise ValueError("a regression has no classes and no threshold")
        if self.task == "classification" and (len(set(classes)) < max(2, len(classes))):
            raise ValueError(f"a classification has two or more different classes, not {classes}")
        if self.threshold and (len(classes) > 2 or self.threshold.label not in classes):  # noqa: PLR2004
            raise ValueError("a threshold is for one of two classes")
        if self.threshold and self.answers != "probabilities":
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


class FieldReference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field's values in training: evenly spaced quantiles of a number, counts of a category.

    Both are of the values that were there; `missing` is the share of those that were not.
    """

    quantiles: tuple[float, ...] = ()
    counts: dict[str, int] = {}
    missing: float = 0.0

    def sample(self, field: Field, rows: int, random: np.random.Generator) -> NDArray[Any]:
        """Draw values of the field that this is of, as they stand in rows."""
        if field.type == "text":  # of which nothing is kept
            return np.full(rows, "", dtype=object)
        column = np.full(rows, np.nan)
        if any(self.counts.values()):
            counts = np.array([self.counts.get(label, 0) for label in field.categories], float)
            column[:] = random.choice(len(counts), size=rows, p=counts / counts.sum())
        elif self.quantiles:
            grid = np.linspace(0, 1, len(self.quantiles))
            column = np.interp(random.random(rows), grid, self.quantiles)
            is_whole = field.type in {"integer", "boolean"}
            column = column.round() if is_whole else column
        if self.missing:
            column[random.random(rows) < self.missing] = np.nan
        return column


class ReliabilityBin(msgspec.Struct, frozen=True):
    """Held-out rows with like probabilities: their mean, the share that came true, how many."""

    predicted: float
    observed: float
    rows: int


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """reference.json: what live traffic and live performance are to be held against.

    `probabilities` by label and the `predictions` of a regression are quantiles on held-out rows;
    what a model does not have is empty.
    """

    rows: int
    fields: dict[str, FieldReference]
    labels: dict[str, int] = {}
    probabilities: dict[str, tuple[float, ...]] = {}
    reliability: tuple[ReliabilityBin, ...] = ()
    predictions: tuple[float, ...] = ()

    def sample(self, fields: tuple[Field, ...], rows: int, seed: int) -> Matrix:
        """Draw rows whose fields are each distributed as in training, independently."""
        random = np.random.default_rng(seed)
        return np.column_stack(
            [self.fields[field.name].sample(field, rows, random) for field in fields]
        )
