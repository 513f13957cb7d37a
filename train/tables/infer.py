"""From the columns of a table to the fields of a model, its target, and columns left out."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from serving.figures import counted
from serving.inputs.field import Field
from serving.inputs.tables import Table
from serving.sentence import Sentence
from train.errors import TrainingError
from train.tables import overview, sentinels
from train.tables.column import Column
from train.tables.columns import infer_columns, with_unit
from train.tables.fields import to_field, to_labels
from train.tables.options import DEFAULTS, ColumnOptions, quoted, require_name
from train.tables.read import NONES, Sheet
from train.tables.target import to_target
from train.tables.useless import question, useless, way_to_keep
from train.task import Kind

if TYPE_CHECKING:
    from train.tables.parquet import Typed

MIN_ROWS = 10  # so that each of five folds has two

Echo = Callable[[str], object]


class Inferred(NamedTuple):
    """The fields, the target and the rows of a table.

    Attributes
    ----------
    unit : str
        The unit of a numeric target.
    frame : DataFrame
        A column for each field and the target, labels as text, dates as days since 1970-01-01;
        rows without a target left out.
    table : Table or None
        How the files are written, if they are CSV.
    """

    task: Kind
    unit: str
    fields: tuple[Field, ...]
    frame: pd.DataFrame
    table: Table | None


def infer(
    sheet: "Sheet | Typed",
    target: str,
    task: Kind | None = None,
    options: ColumnOptions = DEFAULTS,
    echo: Echo = lambda _: None,
) -> Inferred:
    """Find the fields and the target of a table.

    Parameters
    ----------
    echo : callable
        Called with each remark on what was decided, what was left out and why; also with those
        that are known before a refusal.

    Raises
    ------
    TrainingError
        If there is nothing to predict or nothing to predict it from, or a person must decide.
    """
    require_name(map(str, sheet.cells if isinstance(sheet, Sheet) else sheet.columns), target)
    return decide(sheet, take(sheet, options), target, task, options=options, echo=echo)


class Taken(NamedTuple):
    """The columns of a table by name, and remarks on what was decided."""

    columns: dict[str, Column]
    remarks: list[Sentence]


def take(sheet: "Sheet | Typed", options: ColumnOptions) -> Taken:
    """Find the kind and the values of each column of a table.

    Raises
    ------
    TrainingError
        If an option cannot be followed.
    """
    if isinstance(sheet, Sheet):
        columns, remarks = infer_columns(sheet, options)
        return Taken(columns, [*sheet.remarks, *remarks])
    typed = {name: _as_chosen(each, options.type_of(name)) for name, each in sheet.columns.items()}
    units = {name: options.unit_of(name, typed) for name in typed}
    with_units = {name: with_unit(each, units[name]) for name, each in typed.items()}
    return Taken(with_units, sheet.remarks)


def _as_chosen(column: Column, chosen: str) -> Column:
    """A column that has a type in its file, with the one that is chosen."""
    if chosen == "category" and column.kind != "text":
        return column._replace(kind="text", content=to_labels(column.content))
    kind = "number" if column.is_numeric else column.kind
    if chosen in ("number", "date", "text") and kind != chosen:
        raise TrainingError(
            Sentence(
                "--{chosen} {option}: it has the type {kind} in the file; write it as {chosen} "
                "there",
                chosen=chosen,
                option=quoted(column.name),
                kind=kind,
            )
        )
    return column


def decide(
    sheet: "Sheet | Typed",
    taken: Taken,
    target: str,
    task: Kind | None,
    *,
    options: ColumnOptions,
    echo: Echo,
) -> Inferred:
    """Find the fields and the target among columns; as `infer`."""
    names, columns = tuple(taken.columns), dict(taken.columns)
    require_name(names, target)
    _echo_all(echo, taken.remarks)
    target_column = columns.pop(target)
    if isinstance(sheet, Sheet) and not NONES & {*options.missing_in(target, names)}:
        target_column = _with_none(target_column, sheet, echo)
    decided = _decide(target_column, task)
    used = _used(
        {name: _of_rows(each, decided.rows) for name, each in columns.items()}, options, echo
    )
    _echo_all(echo, filter(None, map(question, used.values())))
    _echo_all(echo, sentinels.questions([*used.values(), target_column]))
    if decided.refusal:
        raise decided.refusal
    strays = [
        Sentence(
            "{strays}: {remedy}, or with --keep {option} to use its values as labels",
            strays=each.strays,
            remedy=each.remedy,
            option=quoted(each.name),
        )
        for each in used.values()
        if each.strays
    ]
    if strays:
        raise TrainingError(Sentence("{strays:; }", strays=strays))
    _echo_all(echo, decided.remarks)
    if not used:
        if columns:
            raise TrainingError(
                Sentence("no column is left to predict from: all others are left out")
            )
        raise TrainingError(
            Sentence(
                "no column is left to predict from: there is none beside {name!r}", name=target
            )
        )

    found = [to_field(columns[name], decided.rows, options.type_of(name)) for name in used]
    fields = tuple(field for field, _ in found)
    frame = pd.DataFrame({field.name: values for field, values in found})
    different = int((~frame.duplicated()).sum())
    if different < MIN_ROWS:
        raise TrainingError(
            Sentence(
                "only {rows} {rows:row differs|rows differ} in a column other than {name!r}, but "
                "at least {least} must: add rows",
                rows=different,
                name=target,
                least=MIN_ROWS,
            )
        )
    _echo_all(echo, overview.lines(fields, frame))
    frame[target] = decided.target
    unit = target_column.unit if decided.task == "regression" else ""
    table = Table(sheet.separator, names) if isinstance(sheet, Sheet) else None
    return Inferred(decided.task, unit, fields, frame, table)


def _with_none(target_column: Column, sheet: Sheet, echo: Echo) -> Column:
    """A target with the label None, which stands for a missing value in other columns."""
    nones = sheet.nones.get(target_column.name)
    if nones is None or target_column.kind != "text" or target_column.strays:
        return target_column
    text = nones.dropna().iloc[0]
    rows = counted(nones.count(), "row")
    echo(
        f"{target_column.name!r}: {text!r} ({rows}) is a label; train with --missing {text} if it "
        "stands for a missing value"
    )
    return target_column._replace(content=target_column.content.fillna(nones))


class _Decided(NamedTuple):
    """What was decided about a target; `refusal` if it cannot be predicted."""

    rows: "pd.Index[int]"
    task: Kind = "regression"
    target: "pd.Series[Any] | None" = None
    remarks: tuple[str, ...] = ()
    refusal: TrainingError | None = None


def _decide(target_column: Column, task: Kind | None) -> _Decided:
    """What to predict, and in which rows; a refusal is kept until all remarks were made."""
    rows = target_column.content.index[target_column.content.notna()]
    if len(rows) < MIN_ROWS:
        few = Sentence(
            "{rows} {rows:row has|rows have} a {name!r}, but {least} must: add rows",
            rows=len(rows),
            name=target_column.name,
            least=MIN_ROWS,
        )
        return _Decided(rows, refusal=TrainingError(few))
    try:
        task, values, remarks = to_target(target_column, task)
    except TrainingError as refusal:
        return _Decided(rows, refusal=refusal)
    if without := len(target_column.content) - len(rows):
        whose = "its" if without == 1 else "their"
        remarks.append(
            f"{counted(without, 'row')} left out: {whose} {target_column.name!r} is missing"
        )
    return _Decided(values.index, task, values, tuple(remarks))


def _echo_all(echo: Echo, remarks: Iterable[str]) -> None:
    for remark in remarks:
        echo(remark)


def _of_rows(column: Column, rows: "pd.Index[int]") -> Column:
    return column._replace(content=column.content.loc[rows])


def _used(columns: dict[str, Column], options: ColumnOptions, echo: Echo) -> dict[str, Column]:
    """The columns to predict from; for the others, remarks with the way to keep them."""
    used = {}
    for name, column in columns.items():
        if name in options.drop:
            echo(f"left out: {name!r}, because of --drop")
            continue
        reason = useless(column)
        keep = way_to_keep(column)
        if reason and not (keep and options.wants(name)):
            echo(f"left out: {name!r}, because {reason}{f'; keep it with {keep}' if keep else ''}")
        else:
            used[name] = column
    return used
