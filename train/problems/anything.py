"""A problem made from any files of CSV or Parquet."""

from serving.figures import counted
from serving.inputs.dates import CALENDAR
from serving.inputs.field import Field
from serving.models.manifest import NOT_STATED
from serving.sentence import Sentence
from train.evaluation.classification import Classification
from train.evaluation.evaluate import Protocol
from train.evaluation.regression import Regression
from train.fitting import estimators, text
from train.fitting.choice import Candidates
from train.memory.estimate import Shape, of_training
from train.memory.require import require
from train.problem import Problem
from train.tables.files import Files, summary
from train.tables.infer import Echo, Inferred, infer
from train.tables.load import load
from train.tables.options import ColumnOptions
from train.task import Kind, Task

MANY_CELLS = 500_000
FIVE_FOLDS, THREE_FOLDS = (Protocol(folds=folds, repeats=1) for folds in (5, 3))


def from_files(
    files: Files,
    target: str,
    *,
    name: str,
    kind: Kind | None,
    estimator: str,
    options: ColumnOptions,
    echo: Echo,
    source: str = "",
) -> Problem:
    """A problem that predicts one column from the others.

    Parameters
    ----------
    echo : callable
        Called with each remark on what was found.
    source : str
        What the files are called; by default by their names.

    Raises
    ------
    TrainingError
        If a file cannot be used.
    """
    found = infer(load(files, target, options, echo), target, kind, options, echo)
    source = source or summary(files)
    rows, fields, task = len(found.frame), found.fields, _task(found, target, estimator)
    labels = found.frame[target].nunique() if found.task == "classification" else 1
    features, texts = _features(fields), text.vocabularies(fields, found.frame)
    candidates = estimators.candidates(
        estimator, found.task, text.features_with_words(features, texts), rows, labels
    )
    protocol = _protocol(rows * len(fields))
    largest = estimators.largest_forest(candidates)
    shape = Shape(rows, labels, fields, protocol.folds, protocol.repeats, *largest)
    what = Sentence(
        "training on {rows:,} rows of {columns:,} {columns:column|columns}",
        rows=rows,
        columns=len(fields),
    )
    if remark := require(of_training(shape), what):
        echo(remark)
    return Problem(
        name=name,
        title=f"{target}, from {counted(len(fields), 'column')} of {source}",
        target=target,
        task=task,
        fields=fields,
        table=found.table,
        file=source,
        source=source,
        licence=NOT_STATED,
        load=lambda _: found.frame,
        estimator=Candidates(
            {each: text.with_words(model, features, texts) for each, model in candidates.items()}
        ),
        protocol=protocol,
    )


def _features(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The columns that an estimator is given: the fields, and the calendar features of dates."""
    calendar = (
        Field(name=f"{field.name}: {part}", type="integer", optional=field.optional)
        for field in fields
        if field.type == "date"
        for part in CALENDAR
    )
    return (*fields, *calendar)


def _task(found: Inferred, target: str, estimator: str) -> Task:
    if found.task == "regression":
        return Regression(unit=found.unit)
    counts = found.frame[target].value_counts()
    labels = tuple(sorted(counts.index))
    rarer = min(reversed(labels), key=lambda label: counts[label])
    return Classification(
        labels=labels,
        positive=rarer if len(labels) == 2 else "",  # noqa: PLR2004 - two
        coded=estimator in estimators.TAKES_CODES,
    )


def _protocol(cells: int) -> Protocol:
    """As many folds as take a few seconds."""
    return FIVE_FOLDS if cells <= MANY_CELLS else THREE_FOLDS
