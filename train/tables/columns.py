"""The kind of each column of a sheet: numbers, dates or texts."""

import numpy as np

from serving.inputs import booleans, dates, numerals
from serving.inputs.missing import is_missing
from train.tables import cells, days, numbers
from train.tables.column import Column
from train.tables.options import ColumnOptions, split_option
from train.tables.read import Sheet
from train.tables.reading import Reading


def infer_columns(sheet: Sheet, options: ColumnOptions) -> tuple[dict[str, Column], list[str]]:
    """The columns of a sheet by name, and remarks on what was decided.

    Raises
    ------
    TrainingError
        If an option names a column that is not there.
    """
    names = [*sheet.cells]
    options.check(names)
    remarks: list[str] = []
    texts, masked, counts = {}, {}, {}
    written: dict[str, tuple[numbers.NumberFormat, cells.Odd]] = {}
    dated: dict[str, days.DateFormats] = {}
    for name in names:
        column = sheet.cells[name]
        missing = set(options.missing_in(name, names))
        is_missing_here = column.isin(missing)
        masked[name] = tuple(column[is_missing_here].unique())
        texts[name] = column.mask(is_missing_here)
        counts[name] = texts[name].value_counts()
        if name in options.text or booleans.is_mixed(counts[name].index):
            continue
        if found := numbers.find_format(counts[name], commas_between=sheet.separator == ","):
            written[name] = found, cells.judge(counts[name], found.odd)
        if not _are_numbers(written.get(name)) and (
            of_days := days.find_formats([*counts[name].index])
        ):
            dated[name] = of_days
    decimal = numbers.decimal_of(each[0] for each in written.values() if _are_numbers(each))
    order = days.order([found.formats for found in dated.values()], decimal)

    columns = {}
    for name in names:
        reading = Reading(texts[name], sheet.lines, counts[name], remarks)
        column = Column(name, "text", texts[name])
        if _are_numbers(written.get(name)):
            column = reading.as_numbers(*written[name], decimal, order)
        elif name not in options.text:
            column = reading.as_dates(dated.get(name), order) or reading.as_texts(
                *written.get(name, (None, None))
            )
        if name in options.keep:
            column = column._replace(strays="")
        column = column._replace(missing=(*masked[name], *column.missing))
        columns[name] = without_missing(column, options.missing_in(name, names))
    remarks.extend(not_there(options, columns))
    return columns, remarks


def not_there(options: ColumnOptions, columns: dict[str, Column]) -> list[str]:
    """Remarks on values of --missing that no column has."""
    return [
        f"--missing {option}: no cell has this value"
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
