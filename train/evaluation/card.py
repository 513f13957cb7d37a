"""The card of a model, from its predictions for held-out rows."""

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
from train.evaluation.metrics import reliability
from train.evaluation.reference import typical
from train.fitting.calibration import expected_by_chance, expected_error
from train.fitting.choice import Chosen
from train.fitting.threshold import Labels, Probability
from train.task import SEED, Rows, Target, Task

MIN_ROWS = 5  # behind an example


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
    """Draw up the card of an estimator that was fitted on all rows and evaluated on their folds.

    Everything except the importances is computed from the rows that the model is judged by. Curves
    are of one repeat: the mean of several is better than a single model.

    Parameters
    ----------
    frame : DataFrame
        The training data, with a column for each field.
    """
    held_out, judged = evaluation.held_out, evaluation.held_out.judged
    uncalibrated = evaluation.uncalibrated[judged]
    frame, y, once = frame.iloc[judged], y[judged], held_out.outputs[0, judged]
    typical_rows = task.typical_rows(y, held_out.mean[judged])
    examples = (
        (label, Example(_predict(task, chosen.fitted, fields, record, threshold), record))
        for label, record in _typical_records(typical_rows, frame, fields)
    )
    return Card(
        estimator=_name(chosen.uncalibrated),
        examples=tuple(each for label, each in examples if label in (None, each.prediction)),
        metric=next(iter(task.score(y, once, threshold))),
        importance=importance(evaluation.lost, fields, task),
        choice=_choice(task, chosen, evaluation),
        calibration=_calibration(task, y, once, uncalibrated, chosen.method),
        **task.card_entries(y, once, threshold),
    )


def _name(fitted: Any) -> str:
    """The class of what predicts, without what prepares its rows or its target.

    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> _name(make_pipeline("passthrough", Ridge()))
    'Ridge'
    """
    while inner := getattr(fitted, "regressor_", None) or getattr(fitted, "steps", None):
        fitted = inner[-1][1] if isinstance(inner, list) else inner
    return type(fitted).__name__


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


def _curve(outcome: Labels, probability: Probability) -> tuple[Share, ...]:
    bins = reliability(outcome, probability)
    return tuple((each.predicted, each.observed, each.rows) for each in bins)


def _choice(task: Task, chosen: Chosen, evaluation: Evaluation) -> Choice | None:
    """The results of the candidates, if there were several."""
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


def _typical_records(
    typical_rows: Iterable[tuple[str | None, Rows]], frame: pd.DataFrame, fields: tuple[Field, ...]
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """What is typical of each of these sets of rows; nobody's own record."""
    for label, at in typical_rows:
        rows = frame.iloc[at]
        if len(rows) >= MIN_ROWS:
            known = tuple(each for each in fields if rows[each.name].notna().any())
            yield label, typical(rows, known)


def _predict(
    task: Task,
    fitted: Any,
    fields: tuple[Field, ...],
    record: dict[str, Any],
    threshold: float | None,
) -> str | float:
    """The model's prediction for a record."""
    row = Schema(fields).decode(msgspec.json.encode(record), 1).matrix
    return task.decide(task.predict(fitted, to_features(fields, row)), threshold)[0]
