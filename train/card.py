"""The card of a model, from what was said of rows that were held out."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pandas as pd

from serving.backends import given
from serving.card import Card, Example
from serving.field import Field
from serving.schema import Schema
from train.evaluate import Evaluation
from train.importance import importance
from train.reference import typical
from train.task import Rows, Task, Truth

FEWEST = 5  # rows behind an example


def card(
    task: Task,
    fitted: Any,
    evaluation: Evaluation,
    *,
    frame: pd.DataFrame,
    fields: tuple[Field, ...],
    truth: Truth,
    threshold: float | None,
) -> Card:
    """Draw up the card of an estimator that was fitted on all rows, and evaluated on their folds.

    All but the importances is of the rows that the model is judged by. Curves are of one repeat:
    the mean of several is nearer the truth than a model's answer is.

    Parameters
    ----------
    frame : DataFrame
        The training data, with a column for each field.
    """
    held_out, judged = evaluation.held_out, evaluation.held_out.judged
    frame, truth, once = frame.iloc[judged], truth[judged], held_out.answers[0, judged]
    return Card(
        examples=tuple(
            Example(said, record)
            for label, record in _plain(task.plain(truth, held_out.mean[judged]), frame, fields)
            if (said := _told(task, fitted, fields, record, threshold)) == label or label is None
        ),
        metric=next(iter(task.score(truth, once, threshold))),
        importance=importance(evaluation.lost, fields, task),
        **task.card(truth, once, threshold),
    )


def _plain(
    chosen: Iterable[tuple[str | None, Rows]], frame: pd.DataFrame, fields: tuple[Field, ...]
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """What is typical of the rows that the models were surest of; it is nobody's own record."""
    for label, at in chosen:
        rows = frame.iloc[at]
        if len(rows) >= FEWEST:
            known = tuple(each for each in fields if rows[each.name].notna().any())
            yield label, typical(rows, known)


def _told(
    task: Task,
    fitted: Any,
    fields: tuple[Field, ...],
    record: dict[str, Any],
    threshold: float | None,
) -> str | float:
    """What the model answers to a record."""
    row = Schema(fields).decode(msgspec.json.encode(record), 1).matrix
    return task.told(task.answers(fitted, given(fields, row)), threshold)[0]
