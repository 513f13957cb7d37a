"""What the columns of a table are: fields of a model, its target, or nothing to learn from."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pandas as pd

from serving.inputs.field import Field
from serving.inputs.tables import Table
from train.errors import TrainingError
from train.tables import isolated, overview
from train.tables.column import Column
from train.tables.columns import understand
from train.tables.fields import to_field
from train.tables.read import NONES, Sheet
from train.tables.target import to_target
from train.tables.useless import question, useless, way_to_keep
from train.tables.wishes import NOTHING, Wishes, quoted, require_name
from train.task import Kind

FEWEST_ROWS = 10  # so that each of five folds has two

Say = Callable[[str], object]


class Inferred(NamedTuple):
    """What a table was found to hold.

    Attributes
    ----------
    unit : str
        Of a target that is a number.
    frame : DataFrame
        A column for each field and the target, labels as text, dates as days since 1970-01-01;
        rows without a target left out.
    """

    task: Kind
    unit: str
    fields: tuple[Field, ...]
    frame: pd.DataFrame
    table: Table


def infer(
    sheet: Sheet,
    target: str,
    task: Kind | None = None,
    wishes: Wishes = NOTHING,
    say: Say = lambda _: None,
) -> Inferred:
    """Find out what a table holds.

    Parameters
    ----------
    say : callable
        Called with each remark on what was decided, what was left out and why, sentences for
        people; with those that are known before a refusal too.

    Raises
    ------
    TrainingError
        If there is nothing to predict or nothing to predict it from, or a person must decide.
    """
    names = tuple(map(str, sheet.cells))
    require_name(names, target)
    columns, remarks = understand(sheet, wishes)
    _say_all(say, remarks)
    aim = columns.pop(target)
    if not NONES & {*wishes.missing_in(target, names)}:
        aim = _with_none(aim, sheet, say)
    decided = _decide(aim, task)
    used = _used(
        {name: _of_rows(each, decided.rows) for name, each in columns.items()}, wishes, say
    )
    _say_all(say, filter(None, map(question, used.values())))
    _say_all(say, isolated.questions([*used.values(), aim]))
    if decided.refusal:
        raise decided.refusal
    strays = [
        f"{each.strays}: {each.remedy}, or with --keep {quoted(each.name)} to take its values as "
        "labels"
        for each in used.values()
        if each.strays
    ]
    if strays:
        raise TrainingError("; ".join(strays))
    _say_all(say, decided.remarks)
    if not used:
        why = "all others are left out" if columns else f"there is none beside {target!r}"
        raise TrainingError(f"no column is left to learn from: {why}")

    found = [to_field(columns[name], decided.rows, is_free=name in wishes.text) for name in used]
    fields = tuple(field for field, _ in found)
    frame = pd.DataFrame({field.name: values for field, values in found})
    different = len(frame.drop_duplicates())
    if different < FEWEST_ROWS:
        raise TrainingError(
            f"only {different} rows differ in more than {target!r}; at least {FEWEST_ROWS} must"
        )
    _say_all(say, overview.lines(fields, frame))
    frame[target] = decided.truth
    unit = aim.unit if decided.task == "regression" else ""
    return Inferred(decided.task, unit, fields, frame, Table(sheet.separator, names))


def _with_none(aim: Column, sheet: Sheet, say: Say) -> Column:
    """A target of labels with the label None, which elsewhere means that there is no value."""
    nones = sheet.nones.get(aim.name)
    if nones is None or aim.kind != "text" or aim.strays:
        return aim
    text = nones.dropna().iloc[0]
    say(
        f"{aim.name!r}: {text!r} ({nones.count():,} rows) is a label; train with --missing {text} "
        "if it means that there is no value"
    )
    return aim._replace(content=aim.content.fillna(nones))


class _Decided(NamedTuple):
    """What was decided of a target: `refusal` if it cannot be predicted."""

    rows: "pd.Index[int]"
    task: Kind = "regression"
    truth: "pd.Series[Any] | None" = None
    remarks: tuple[str, ...] = ()
    refusal: TrainingError | None = None


def _decide(aim: Column, task: Kind | None) -> _Decided:
    """What to predict in which rows; a refusal is kept until it is said what else was found."""
    rows = aim.content.index[aim.content.notna()]
    if len(rows) < FEWEST_ROWS:
        few = f"{len(rows)} rows have a {aim.name!r}; at least {FEWEST_ROWS} must"
        return _Decided(rows, refusal=TrainingError(few))
    try:
        task, truth, remarks = to_target(aim, task)
    except TrainingError as refusal:
        return _Decided(rows, refusal=refusal)
    if without := len(aim.content) - len(rows):
        remarks.append(f"{without:,} rows left out: their {aim.name!r} is missing")
    return _Decided(truth.index, task, truth, tuple(remarks))


def _say_all(say: Say, remarks: Iterable[str]) -> None:
    for remark in remarks:
        say(remark)


def _of_rows(column: Column, rows: "pd.Index[int]") -> Column:
    return column._replace(content=column.content.loc[rows])


def _used(columns: dict[str, Column], wishes: Wishes, say: Say) -> dict[str, Column]:
    """The columns to learn from; the others are named, with the way to keep them."""
    used = {}
    for name, column in columns.items():
        if name in wishes.drop:
            say(f"left out: {name!r}, as told")
            continue
        reason = useless(column)
        keep = way_to_keep(column)
        if reason and not (keep and name in wishes.keep | wishes.text):
            say(f"left out: {name!r}, for {reason}{f'; keep it with {keep}' if keep else ''}")
        else:
            used[name] = column
    return used
