"""Numbers rows so that equal ones can be kept on one side of a split."""

import numpy as np

from serving.inputs.schema import Matrix
from train.task import Groups


def group_equal_rows(rows: Matrix, columns: list[int] | None = None) -> Groups:
    """Number the rows so that rows that are equal, or equal in some columns, share a number.

    Rows in which one of those columns is missing are compared as a whole.
    """
    whole = _number(rows)
    if not columns:
        return whole
    part = _number(rows[:, columns])
    return np.where(np.isnan(rows[:, columns]).any(axis=1), part.max() + 1 + whole, part)


def _number(rows: Matrix) -> Groups:
    """Number rows by their order, equal ones alike; a missing value comes after all others.

    As `np.unique` does with an axis, which takes four times the memory of the rows.
    """
    order = np.arange(len(rows))
    for column in reversed(rows.T):
        order = order[np.argsort(_filled(column)[order], kind="stable")]
    differs = np.zeros(len(rows), np.bool_)
    for column in rows.T:
        at = _filled(column)[order]
        differs[1:] |= at[1:] != at[:-1]
    numbers = np.empty(len(rows), np.intp)
    numbers[order] = np.cumsum(differs)
    return numbers


def _filled(column: Matrix) -> Matrix:
    return np.where(np.isnan(column), np.inf, column)
