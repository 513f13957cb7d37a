"""The target of a table: labels or numbers."""

from typing import TYPE_CHECKING, Any

import numpy as np

from serving.figures import counted
from serving.inputs.shown import printable
from serving.sentence import Sentence
from train.errors import TrainingError
from train.tables.column import Column
from train.tables.fields import MAX_LABELS, to_labels
from train.task import Kind

if TYPE_CHECKING:
    import pandas as pd

MAX_CLASSES = 20
MIN_OF_A_CLASS = 5  # rows, so that each of five folds can have one

CLASSES_RULE = (
    "numbers are labels if there are only two, or if they count up from 0 or 1 without a gap "
    f"to at most {MAX_CLASSES}"
)


def to_target(column: Column, task: Kind | None) -> tuple[Kind, "pd.Series[Any]", list[str]]:
    """The task, the target of the rows that have one, and remarks on the task and its reason.

    Labels are texts; rows of labels that are too rare to be evaluated are left out.

    Raises
    ------
    TrainingError
        If it can be neither, or not what --task requires.
    """
    if column.strays and task != "classification":
        raise TrainingError(
            Sentence(
                "{strays}: {remedy}, or with --task classification to use its values as labels",
                strays=column.strays,
                remedy=column.remedy,
            )
        )
    if column.kind == "date":
        raise TrainingError(
            Sentence(
                "{name!r} holds dates, which cannot be predicted: add a column with what is to be "
                "predicted, such as a number of days, or the month as a label",
                name=column.name,
            )
        )
    values = column.content.dropna()
    distinct = values.nunique()
    if task == "regression" and not column.is_numeric:
        raise TrainingError(
            Sentence(
                "{name!r} holds text, such as {text!r}, no number: train with --task "
                "classification, or correct the column",
                name=column.name,
                text=printable(values.iloc[0]),
            )
        )
    if task is None:
        task, remark = _likely(column, distinct)
    else:
        remark = f"{task}, because of --task"
    if task == "regression":
        if values.min() == values.max():
            raise TrainingError(
                Sentence(
                    "{name!r} is {value:.12g} in every row, so there is nothing to predict: name "
                    "another column with --target",
                    name=column.name,
                    value=values.iloc[0],
                )
            )
        return task, values.astype(np.float64), [remark]
    if distinct > MAX_LABELS:
        raise TrainingError(_too_many(column, distinct))
    labels, remarks = _frequent(to_labels(values))
    return task, labels, [remark, *remarks]


def _likely(column: Column, distinct: int) -> tuple[Kind, str]:
    if column.has_numbers and distinct > MAX_CLASSES:
        raise TrainingError(
            Sentence(
                "{name!r} has {distinct:,} different values, most of them numbers: correct the "
                "others, or train with --missing VALUE if they stand for missing values, or with "
                "--task classification to use all values as labels",
                name=column.name,
                distinct=distinct,
            )
        )
    if not column.is_numeric:
        return "classification", f"classification: {column.name!r} has {distinct:,} different texts"
    likely: Kind = "classification" if _count_up(column.content) else "regression"
    other = "regression" if likely == "classification" else "classification"
    unit = f" in {column.unit}" if column.unit else ""
    return likely, (
        f"{likely}: {column.name!r} has {distinct:,} different numbers{unit} ({CLASSES_RULE}; "
        f"otherwise train with --task {other})"
    )


def _count_up(column: "pd.Series[float]") -> bool:
    values = np.sort(column.dropna().unique())
    from_low = values[0] in {0, 1} and bool((np.diff(values) == 1).all())
    return len(values) == 2 or (from_low and values[-1] <= MAX_CLASSES)  # noqa: PLR2004 - two


def _too_many(column: Column, distinct: int) -> Sentence:
    about = {"name": column.name, "distinct": distinct, "most": MAX_LABELS}
    if column.is_numeric:
        return Sentence(
            "{name!r} has {distinct:,} different values, too many for labels (at most {most}); "
            "predict it as a number, with --task regression",
            **about,
        )
    return Sentence(
        "{name!r} has {distinct:,} different values, too many for labels (at most {most}), such "
        "as {text!r}: if they are numbers, write them as numbers; if several mean the same, write "
        "them alike",
        text=printable(column.content.value_counts().index[-1]),
        **about,
    )


def _frequent(labels: "pd.Series[Any]") -> tuple["pd.Series[Any]", list[str]]:
    """The labels without the rows of those that are too rare to be evaluated."""
    counts = labels.value_counts()
    rare = counts[counts < MIN_OF_A_CLASS]
    about = {"name": labels.name, "distinct": len(counts), "rare": len(rare), "few": MIN_OF_A_CLASS}
    if len(counts) - len(rare) < 2:  # noqa: PLR2004 - two
        if not len(rare):
            raise TrainingError(
                Sentence(
                    "{name!r} does not have two labels to predict: all rows are {label!r}",
                    label=counts.index[0],
                    **about,
                )
            )
        raise TrainingError(
            Sentence(
                "{name!r} does not have two labels to predict: {rare:,} of its {distinct:,} "
                "values {rare:is|are} in fewer than {few} rows each",
                **about,
            )
        )
    if rare.sum() > len(labels) / 2:
        raise TrainingError(
            Sentence(
                "{name!r} has {distinct:,} different values, of which {rare:,} are in fewer than "
                "{few} rows each, {rows:,} of {all:,} rows together: too few to predict them; if "
                "several mean the same, write them alike",
                rows=rare.sum(),
                all=len(labels),
                **about,
            )
        )
    if not len(rare):
        return labels, []
    named = ", ".join(map(repr, sorted(rare.index)))
    remark = (
        f"{counted(rare.sum(), 'row')} left out: {labels.name!r} is {named} in fewer than "
        f"{MIN_OF_A_CLASS} rows"
    )
    return labels[~labels.isin(rare.index)], [remark]
