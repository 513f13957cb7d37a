"""The kind of each column of a sheet: numbers, dates or texts."""

from typing import TYPE_CHECKING

import numpy as np

from serving.inputs import booleans, dates, numerals
from serving.inputs.missing import is_missing
from serving.sentence import Sentence
from train.errors import TrainingError
from train.tables import cells, days, numbers, progress
from train.tables.column import Column
from train.tables.options import ColumnOptions, quoted, split_option
from train.tables.read import Sheet
from train.tables.reading import Reading

if TYPE_CHECKING:
    import pandas as pd


def infer_columns(sheet: Sheet, options: ColumnOptions) -> tuple[dict[str, Column], list[Sentence]]:
    """The columns of a sheet by name, and remarks on what was decided.

    Raises
    ------
    TrainingError
        If an option names a column that is not there.
    """
    names = [*sheet.cells]
    options.check(names)
    remarks: list[Sentence] = []
    texts, masked, counts = {}, {}, {}
    written: dict[str, tuple[numbers.NumberFormat, cells.Odd]] = {}
    dated: dict[str, days.DateFormats] = {}
    for at, name in enumerate(names):
        progress.now(Sentence("looking at the columns"), at, len(names))
        column, chosen = sheet.cells[name], options.type_of(name)
        missing = set(options.missing_in(name, names))
        is_missing_here = column.isin(missing)
        masked[name] = tuple(column[is_missing_here].unique())
        texts[name] = column.mask(is_missing_here)
        counts[name] = texts[name].value_counts()
        if found := _numbers(counts[name], chosen, commas_between=sheet.separator == ","):
            written[name] = found
        if not _are_numbers(written.get(name)) and (of_days := _days(counts[name], chosen)):
            dated[name] = of_days
    decimal = numbers.decimal_of(each[0] for each in written.values() if _are_numbers(each))
    order = days.order([found.formats for found in dated.values()], decimal)

    columns = {}
    for at, name in enumerate(names):
        progress.now(Sentence("reading the values of the columns"), at, len(names))
        chosen = options.type_of(name)
        reading = Reading(texts[name], sheet.lines, counts[name], remarks)
        column = Column(name, "text", texts[name])
        if _are_numbers(written.get(name)):
            column = reading.as_numbers(
                *written[name], decimal, order, is_chosen=chosen == "number"
            )
        elif chosen != "text":
            column = reading.as_dates(
                dated.get(name), order, is_chosen=chosen == "date"
            ) or reading.as_texts(*written.get(name, (None, None)))
        if name in options.keep:
            column = column._replace(strays="")
        column = column._replace(missing=(*masked[name], *column.missing))
        column = without_missing(column, options.missing_in(name, names))
        columns[name] = with_unit(column, options.unit_of(name, names))
    remarks.extend(not_there(options, columns))
    return columns, remarks


def _numbers(
    counts: "pd.Series[int]", chosen: str, *, commas_between: bool
) -> tuple[numbers.NumberFormat, cells.Odd] | None:
    """How a column's numbers are written, and what of it is none."""
    if chosen == "number":
        found = numbers.chosen_format(counts, commas_between=commas_between)
        return found, cells.judge(counts, found.odd).chosen()
    if chosen or booleans.is_mixed(counts.index):
        return None
    likely = numbers.find_format(counts, commas_between=commas_between)
    return (likely, cells.judge(counts, likely.odd)) if likely else None


def _days(counts: "pd.Series[int]", chosen: str) -> days.DateFormats | None:
    """The formats of a column's dates."""
    if chosen == "date":
        return days.chosen_formats([*counts.index])
    if chosen or booleans.is_mixed(counts.index):
        return None
    return days.find_formats([*counts.index])


def with_unit(column: Column, unit: str) -> Column:
    """A column of numbers with the unit that is chosen for it.

    Raises
    ------
    TrainingError
        If it has another unit in its cells, or no numbers.
    """
    if unit in ("", column.unit):
        return column
    option = f"--unit {quoted(f'{column.name}={unit}')}"
    if column.unit:
        raise TrainingError(
            Sentence(
                "{option}: the cells of {name!r} have their unit, {unit!r}; change them in the "
                "file",
                option=option,
                name=column.name,
                unit=column.unit,
            )
        )
    if not column.is_numeric:
        raise TrainingError(
            Sentence("{option}: {name!r} is not read as numbers", option=option, name=column.name)
        )
    return column._replace(unit=unit)


def not_there(options: ColumnOptions, columns: dict[str, Column]) -> list[Sentence]:
    """Remarks on values of --missing that no column has."""
    return [
        Sentence("--missing {option}: no cell has this value", option=option)
        for option in options.missing
        if not is_missing(text := split_option(option, [*columns])[1])
        and not any(text in column.missing for column in columns.values())
    ]


def _are_numbers(written: tuple[numbers.NumberFormat, cells.Odd] | None) -> bool:
    """Whether a column is numbers, except perhaps for a few cells."""
    return written is not None and written[1].verdict != "some"


def without_missing(column: Column, missing: tuple[str, ...]) -> Column:
    """A column of numbers or dates without those that stand for missing, however written."""
    found = {text: column.content == _value(text, column) for text in missing}
    texts = [text for text, rows in found.items() if rows.any()]
    if column.kind == "text" or not texts:
        return column
    values = column.content.mask(np.any([found[text] for text in texts], axis=0))
    return column._replace(content=values, missing=(*dict.fromkeys((*column.missing, *texts)),))


def _value(text: str, column: Column) -> float | None:
    """The value of a text of the command line, where numbers may be written as in programs."""
    if column.kind == "date":
        return dates.parse(text, column.format)
    if numerals.PLAIN.fullmatch(text):
        return float(text)
    return numerals.parse(text, column.numerals, column.unit)
