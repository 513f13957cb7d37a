"""The columns of a table as they will be taken, for people who look at them before a training."""

from collections.abc import Iterable

from serving.inputs import booleans
from serving.sentence import Sentence
from serving.trainings.training import TrainingColumn, Type
from train.requested.words import ForPeople
from train.tables import overview
from train.tables.column import Column, plain
from train.tables.fields import is_zero_or_one, to_labels
from train.tables.infer import Taken
from train.tables.options import ColumnOptions
from train.tables.sentinels import sentinels
from train.tables.useless import question, useless

LISTED = 20  # values of a column that stand for missing
DROPPED = Sentence("it is not to be used")


def describe(
    taken: Taken, target: str, options: ColumnOptions, people: ForPeople
) -> list[TrainingColumn]:
    """Describe each column, in the order of the file; the target is among them."""
    return [
        _described(column, target, options, [*_about(name, taken.remarks)], people)
        for name, column in taken.columns.items()
    ]


def others(taken: Taken) -> list[Sentence]:
    """The remarks that are not about one column."""
    about = {remark for name in taken.columns for remark in _about(name, taken.remarks)}
    return [remark for remark in taken.remarks if remark not in about]


def _about(name: str, remarks: Iterable[Sentence]) -> Iterable[Sentence]:
    return (each for each in remarks if each.startswith((f"{name!r}:", f"{name!r} ")))


def _described(
    column: Column, target: str, options: ColumnOptions, remarks: list[Sentence], people: ForPeople
) -> TrainingColumn:
    chosen = options.type_of(column.name)
    why: Sentence | None = None
    if column.name != target:
        why = DROPPED if column.name in options.drop else useless(column)
        if why != DROPPED and options.wants(column.name) and column.content.notna().any():
            why = None
    kind = _type(column, chosen, why)
    if column.strays:
        remarks.append(
            Sentence(
                "{strays}: correct them in the file, choose which of them stand for a missing "
                "value, or choose the type category",
                strays=column.strays,
            )
        )
    elif not why and column.kind != "text":
        remarks += [
            Sentence(
                "{value:.12g} ({rows:,} {rows:row|rows}) is far from all other values, {low:.12g} "
                "to {high:.12g}: does it stand for a missing value?",
                value=plain(each.value, column),
                rows=each.rows,
                low=plain(each.low, column),
                high=plain(each.high, column),
            )
            for each in sentinels(column.content.to_numpy())
        ]
        remarks += filter(None, [question(column)])
    is_label = kind in {"category", "boolean"} or (column.strays and kind != "text")
    content = to_labels(column.content) if is_label else column.content
    is_empty = column.content.isna().all()
    has_range = not (is_empty or is_label or kind == "text")
    return TrainingColumn(
        name=column.name,
        type=kind,
        unit=column.unit,
        missing=int(column.content.isna().sum()),
        missing_values=[*column.missing[:LISTED]],
        used=not why,
        why=people.text(why) if why else "",
        remark=people.text(Sentence("{remarks: }", remarks=[*map(_ended, remarks)]))
        if remarks
        else "",
        values="" if is_empty else overview.values("category" if is_label else kind, content),
        low=float(content.min()) if has_range else None,
        high=float(content.max()) if has_range else None,
        distinct=int(content.nunique()),
    )


def _ended(remark: Sentence) -> Sentence:
    return remark if remark.endswith("?") else Sentence("{remark}.", remark=remark)


def _type(column: Column, chosen: str, why: Sentence | None) -> Type:
    """How a column is taken; one that has a few cells that do not fit is what the others are."""
    if column.strays:
        return "date" if column.nearly == "date" else "number"
    if column.kind == "date":
        return "date"
    if column.is_numeric:
        if chosen != "number" and is_zero_or_one(column, column.content):
            return "boolean"
        return "integer" if column.kind == "integer" else "number"
    if chosen == "text" or (not chosen and "free text" in (why or "")):
        return "text"
    labels = tuple(map(str, column.content.dropna().unique()))
    return "boolean" if booleans.is_pair(labels) else "category"
