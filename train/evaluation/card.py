"""The card of a model, from what was said of rows that were held out."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pandas as pd
from msgspec.structs import replace

from serving.inputs.field import Field
from serving.inputs.schema import Matrix, Schema
from serving.models.backends import to_features
from serving.models.card import Calibration, Candidate, Card, Choice, Example, Share
from train.evaluation.curves import short
from train.evaluation.evaluate import Evaluation
from train.evaluation.importance import importance
from train.evaluation.reference import typical
from train.fitting.calibration import expected_by_chance, expected_error
from train.fitting.choice import Chosen
from train.fitting.metrics import reliability
from train.fitting.threshold import Labels, Probability
from train.task import SEED, Rows, Target, Task

FEWEST = 5  # rows behind an example


def card(
    task: Task,
    chosen: Chosen,
    evaluation: Evaluation,
    *,
    frame: pd.DataFrame,
    fields: tuple[Field, ...],
    y: Target,
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
    uncalibrated = evaluation.uncalibrated[judged]
    frame, y, once = frame.iloc[judged], y[judged], held_out.outputs[0, judged]
    return Card(
        examples=tuple(
            Example(said, record)
            for label, record in _plain(task.typical_rows(y, held_out.mean[judged]), frame, fields)
            if (said := _told(task, chosen.fitted, fields, record, threshold)) == label
            or label is None
        ),
        metric=next(iter(task.score(y, once, threshold))),
        importance=importance(evaluation.lost, fields, task),
        choice=_choice(task, chosen, evaluation),
        calibration=_calibration(task, y, once, uncalibrated, chosen.method),
        **task.card_entries(y, once, threshold),
    )


def _calibration(
    task: Task, y: Target, outputs: Matrix, uncalibrated: Matrix, method: str
) -> Calibration | None:
    after, before = task.outcomes(y, outputs), task.outcomes(y, uncalibrated)
    if after is None or before is None:
        return None
    found = Calibration(
        error=round(expected_error(*after), 4),
        by_chance=round(expected_by_chance(after[1], SEED), 4),
        rows=len(y),
        curve=_curve(*after),
    )
    if not method:
        return found
    return replace(
        found,
        method=method,
        error_before=round(expected_error(*before), 4),
        curve_before=_curve(*before),
    )


def _curve(came_true: Labels, probability: Probability) -> tuple[Share, ...]:
    bins = reliability(came_true, probability)
    return tuple((each.predicted, each.observed, each.rows) for each in bins)


def _choice(task: Task, chosen: Chosen, evaluation: Evaluation) -> Choice | None:
    """How the candidates did, if there were several."""
    if len(chosen.candidates) < 2:  # noqa: PLR2004 - two
        return None
    return Choice(
        chosen.name,
        task.loss(evaluation.held_out.mean),
        len(evaluation.choices),
        tuple(
            Candidate(
                each.name,
                loss=short(each.loss),
                difference=short(each.difference),
                error=short(each.error),
                rows=each.rows,
                folds=evaluation.choices.count(each.name),
            )
            for each in chosen.candidates
        ),
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
    return task.decide(task.predict(fitted, to_features(fields, row)), threshold)[0]
