"""The rows that a version is trained on: those of the problem's file, and perhaps live ones."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.models.backends import to_features
from serving.sentence import Sentence
from train import live
from train.errors import TrainingError
from train.evaluation.equal_rows import group_equal_rows
from train.feedback_source import FeedbackSource
from train.live import LiveRows
from train.problem import Problem
from train.tables.rows import comparable, to_rows, with_range
from train.task import Groups, Rows, Target


class TrainingSet(NamedTuple):
    """The training data in the forms that training needs.

    Attributes
    ----------
    frame : DataFrame
        A column for each field, and the target.
    fields : tuple of Field
        Those of the problem, with the ranges and labels of the frame.
    rows : ndarray, shape (rows, fields)
    features : ndarray, shape (rows, features)
        The rows with the features that are computed from dates, as the estimator is given them.
    y : ndarray, shape (rows,)
        The target, encoded by the task.
    groups : ndarray of int, shape (rows,)
        Rows of one group stay on the same side of each split.
    live : LiveRows or None
        Those among the rows.
    """

    frame: pd.DataFrame
    fields: tuple[Field, ...]
    rows: Matrix
    features: Matrix
    y: Target
    groups: Groups
    live: LiveRows | None

    @property
    def judged(self) -> Rows | None:
        """The live rows that the figures are of, if they are enough; otherwise all rows count."""
        return self.live.judged if self.live else None


def read(problem: Problem, data: Path, feedback: FeedbackSource | None) -> TrainingSet:
    """Read a problem's file and add live records with feedback to its rows.

    Raises
    ------
    TrainingError
        If the file does not fit the problem, or there is no feedback to add.
    """
    try:
        frame = problem.load(data)
    except Exception as error:  # why: any column may be missing, or hold anything
        raise TrainingError(
            Sentence(
                "{file} does not fit the problem {problem}: {why}",
                file=data,
                problem=problem.name,
                why=repr(error),
            )
        ) from error
    if not feedback:
        return _training_set(problem, frame)
    fields = _fields(problem, frame)
    live_rows = live.add_live_rows(
        frame,
        to_rows(frame, fields),
        feedback,
        fields=fields,
        task=problem.task,
        target=problem.target,
    )
    return _training_set(problem, live_rows.frame, live_rows)


def _training_set(
    problem: Problem, frame: pd.DataFrame, live_rows: LiveRows | None = None
) -> TrainingSet:
    fields = _fields(problem, frame)
    rows = to_rows(frame, fields)
    grouped_by = [at for at, field in enumerate(fields) if field.name in problem.grouped_by]
    return TrainingSet(
        frame,
        fields,
        rows,
        to_features(fields, rows),
        problem.task.encode(frame[problem.target]),
        group_equal_rows(comparable(frame, fields), grouped_by),
        live_rows,
    )


def _fields(problem: Problem, frame: pd.DataFrame) -> tuple[Field, ...]:
    return tuple(with_range(field, frame[field.name]) for field in problem.fields)
