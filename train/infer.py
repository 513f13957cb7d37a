"""What the columns of a table are: fields of a model, its target, or nothing to learn from."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype, is_numeric_dtype

from serving.field import Field
from train.errors import TrainingError
from train.task import Kind

MOST_LABELS = 200
MOST_CLASSES = 20
FEWEST_OF_A_CLASS = 5  # so that each of five folds can have one
FEWEST_ROWS = 20
NAMED_AS_KEY = re.compile(r"(?i:(^|[\W_])(id|uuid|guid|index)|^unnamed: 0)$|[a-z]I[dD]$")

CLASSES_RULE = (
    "numbers are classes if they are only two, or count up from 0 or 1 without a gap, "
    f"to {MOST_CLASSES} at most"
)

Column = pd.Series  # for annotations in quotes: pandas' own has no parameters when it runs


class Inferred(NamedTuple):
    """What a table was found to hold.

    Attributes
    ----------
    frame : DataFrame
        A column for each field and the target, labels as text; rows without a target left out.
    remarks : tuple of str
        What was decided and what was left out, and why: sentences for people.
    """

    task: Kind
    fields: tuple[Field, ...]
    frame: pd.DataFrame
    remarks: tuple[str, ...]


def infer(table: pd.DataFrame, target: str, task: Kind | None = None) -> Inferred:
    """Find out what a table, as `table.read` returns it, holds.

    Raises
    ------
    TrainingError
        If there is nothing to predict or nothing to predict it from.
    """
    require_column(table, target)
    known = table[table[target].notna()]
    if len(known) < FEWEST_ROWS:
        raise TrainingError(f"{len(known)} rows have a {target!r}; at least {FEWEST_ROWS} must")
    task, truth, remarks = _target(known[target], task)
    if len(known) < len(table):
        remarks.append(f"{len(table) - len(known):,} rows left out: their {target!r} is missing")
    if task == "classification":
        truth = _frequent(truth, remarks)
        known = known.loc[truth.index]
    elif truth.min() == truth.max():
        raise TrainingError(f"{target!r} is {truth.iloc[0]:.12g} in every row: nothing to learn")

    fields, columns, dropped = [], {}, []
    for name in known.columns.drop(target):
        reason = useless(str(name), known[name])
        if reason:
            dropped.append(f"{name!r} {reason}")
        else:
            field, columns[name] = to_field(str(name), known[name])
            fields.append(field)
    remarks += [f"left out: {reason}" for reason in dropped]
    if not fields:
        left_out = "; ".join(dropped) or f"there is none beside {target!r}"
        raise TrainingError(f"no column is left to learn from: {left_out}")
    frame = pd.DataFrame(columns)
    different = len(frame.drop_duplicates())
    if different < FEWEST_ROWS:
        raise TrainingError(
            f"only {different} rows differ in more than {target!r}; at least {FEWEST_ROWS} must"
        )
    frame[target] = truth
    return Inferred(task, tuple(fields), frame, tuple(remarks))


def require_column(table: pd.DataFrame, name: str) -> None:
    """Raise a TrainingError with the nearest name if a table has no such column."""
    if name in table.columns:
        return
    names = [str(column) for column in table.columns]
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"they are {', '.join(map(repr, names))}"
    raise TrainingError(f"no column is called {name!r}; {hint}")


def useless(name: str, column: "Column[Any]") -> str:
    """Why nothing can be learnt from a column, or nothing if something can."""
    present = column.dropna()
    distinct = present.nunique()
    if distinct == 0:
        return "is empty"
    if distinct == 1:
        return f"has one value only, {present.iloc[0]}"
    all_different = distinct == len(column)
    if all_different and (NAMED_AS_KEY.search(name) or not is_numeric_dtype(column)):
        what = "an identifier" if is_numeric_dtype(column) else "an identifier or free text"
        return f"is {what}: its {distinct:,} values are all different"
    if all_different and is_integer_dtype(column) and np.ptp(column) == distinct - 1:
        return f"is an identifier: it counts from {column.min()} to {column.max()}"
    if not is_numeric_dtype(column) and distinct > min(MOST_LABELS, len(present) / 2):
        return f"is free text or a date: it has {distinct:,} different values"
    return ""


def to_field(name: str, column: "Column[Any]") -> tuple[Field, "Column[Any]"]:
    """The field that a column is, and its values as that field has them; 0 and 1 are yes and no."""
    yes_or_no = is_numeric_dtype(column) and set(column.dropna().unique()) == {0, 1}
    as_field = category if yes_or_no or not is_numeric_dtype(column) else number
    return as_field(name, column)


def number(name: str, column: "Column[Any]") -> tuple[Field, "Column[Any]"]:
    """A column of numbers as a field."""
    kind: Literal["integer", "number"] = "integer" if is_integer_dtype(column) else "number"
    field = Field(name=name, type=kind, optional=bool(column.isna().any()))
    return field, pd.Series(column.to_numpy(np.float64, na_value=np.nan), index=column.index)


def category(
    name: str, column: "Column[Any]", more: Iterable[str] = ()
) -> tuple[Field, "Column[Any]"]:
    """A column of any values as a field, with its labels and perhaps more."""
    labels = to_labels(column)
    categories = tuple(sorted({*labels.dropna(), *more}))
    optional = bool(column.isna().any())
    return Field(name=name, type="category", categories=categories, optional=optional), labels


def to_labels(column: "Column[Any]") -> "Column[Any]":
    """A column's values as text: 1 and 1.0 are "1"."""
    if not is_numeric_dtype(column):
        return column
    return column.map(lambda value: f"{value:.15g}", na_action="ignore").astype("str")


def _target(column: "Column[Any]", task: Kind | None) -> tuple[Kind, "Column[Any]", list[str]]:
    """The task, the target as labels or numbers, and a remark that says which it is and why."""
    distinct = column.nunique()
    numeric = is_numeric_dtype(column)
    if task == "regression" and not numeric:
        raise TrainingError(f"{column.name!r} holds text, {column.iloc[0]!r} say: no regression")
    if task is None:
        task = "classification" if not numeric or _count_up(column) else "regression"
        what = f"{distinct:,} different numbers" if numeric else f"{distinct:,} different texts"
        other = "regression" if task == "classification" else "classification"
        offer = f" ({CLASSES_RULE}; --task {other} for the other)" if numeric else ""
        remarks = [f"{task}: {column.name!r} has {what}{offer}"]
    else:
        remarks = [f"{task}, as told"]
    if task == "regression":
        return task, column.astype(np.float64), remarks
    if distinct > MOST_LABELS:
        raise TrainingError(
            f"{column.name!r} has {distinct:,} different values, too many for classes "
            f"(at most {MOST_LABELS})"
        )
    return task, to_labels(column), remarks


def _count_up(column: "Column[Any]") -> bool:
    values = np.sort(column.astype(np.float64).unique())
    from_low = values[0] in {0, 1} and bool((np.diff(values) == 1).all())
    return len(values) == 2 or (from_low and values[-1] <= MOST_CLASSES)  # noqa: PLR2004 - two


def _frequent(labels: "Column[Any]", remarks: list[str]) -> "Column[Any]":
    """The labels without the rows of those too rare to be tested."""
    counts = labels.value_counts()
    rare = counts[counts < FEWEST_OF_A_CLASS]
    too_few = f"in fewer than {FEWEST_OF_A_CLASS} rows"
    if len(counts) - len(rare) < 2:  # noqa: PLR2004 - two
        why = f"all rows are {counts.index[0]!r}"
        if len(rare):
            why = f"{len(rare)} of its {len(counts)} values are {too_few} each"
        raise TrainingError(f"{labels.name!r} has no two classes to tell apart: {why}")
    if len(rare):
        named = ", ".join(map(repr, sorted(rare.index)))
        remarks.append(f"{rare.sum()} rows left out: {labels.name!r} is {named} {too_few}")
    return labels[~labels.isin(rare.index)]
