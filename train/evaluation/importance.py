"""Permutation importance: how much worse a model gets when a field's values are shuffled.

Breiman (2001), Random Forests, Machine Learning 45, 5-32, there on out-of-bag rows; here on rows
of the held-out fold. Of fields that are correlated, each can replace the other, so each seems
unimportant.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.inputs.field import Field
from serving.inputs.schema import Matrix
from serving.models.card import Importance
from train.task import Target, Task

MAX_CELLS, MIN_ROWS = 20_000, 100  # of a fold: with many fields, fewer rows are used
FIELDS_AT_ONCE = 20

Sources = Sequence[Sequence[int]]  # for each field its features, columns of the rows
Losses = NDArray[np.float64]  # shape (fields,)


def lost_by_shuffling(
    fitted: Any, rows: Matrix, y: Target, task: Task, sources: Sources, *, seed: int
) -> Losses:
    """How much worse the first metric gets by shuffling each field, on rows not fitted on.

    The features that come from one field are shuffled together.
    """
    random = np.random.default_rng(seed)
    max_rows = max(MIN_ROWS, MAX_CELLS // rows.shape[1])
    drawn = random.permutation(len(rows))[:max_rows]
    rows, y = rows[drawn], y[drawn]
    before = task.first_metric(y, task.predict(fitted, rows))
    lost = []
    # Several fields at once, because a forest takes as long for one row as for hundreds.
    for at in range(0, len(sources), FIELDS_AT_ONCE):
        some = sources[at : at + FIELDS_AT_ONCE]
        shuffled = np.concatenate([rows] * len(some))
        for part, columns in zip(np.split(shuffled, len(some)), some, strict=True):
            part[:, columns] = random.permutation(rows[:, columns])
        outputs = np.split(task.predict(fitted, shuffled), len(some))
        lost += [before - task.first_metric(y, each) for each in outputs]
    return np.array(lost) * task.better


def importance(lost: Losses, fields: tuple[Field, ...], task: Task) -> tuple[Importance, ...]:
    """The mean and spread over the folds, the most important field first.

    Parameters
    ----------
    lost : ndarray of float, shape (folds, fields)
    """
    kept = lost[np.isfinite(lost).all(axis=1)]
    if not len(kept):
        return ()
    spread = kept.std(axis=0, ddof=1) if len(kept) > 1 else np.zeros(len(fields))
    return tuple(
        Importance(
            fields[at].name, task.rounded(kept[:, at].mean()), task.rounded(float(spread[at]))
        )
        for at in np.argsort(-kept.mean(axis=0), kind="stable")
    )
