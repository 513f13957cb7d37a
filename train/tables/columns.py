"""What each column of a sheet is: numbers, dates or texts."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from serving.inputs import dates, numerals
from serving.inputs.field import FLOAT32_MAX
from serving.inputs.numerals import DEFAULT, Numerals
from train.tables import cells, days, numbers
from train.tables.read import Sheet
from train.tables.wishes import Wishes, meant

Kind = Literal["integer", "number", "date", "text"]


class Column(NamedTuple):
    """A column that is understood.

    Attributes
    ----------
    content : Series
        Numbers, days since 1970-01-01, or trimmed texts; NaN where there is none.
    unit, numerals, format, missing
        As a Field has them.
    strays, remedy : str
        What a person must decide before it is what nearly all its cells are, and how; it is text
        so far.
    has_numbers : bool
        Whether it is text although most of its cells are numbers.
    """

    name: str
    kind: Kind
    content: "pd.Series[Any]"
    unit: str = ""
    numerals: Numerals = DEFAULT
    format: str = ""
    missing: tuple[str, ...] = ()
    strays: str = ""
    remedy: str = ""
    has_numbers: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers that may be counted with; days are not."""
        return self.kind in {"integer", "number"}


def understand(sheet: Sheet, wishes: Wishes) -> tuple[dict[str, Column], list[str]]:
    """The columns of a sheet by name, and remarks on what was decided.

    Raises
    ------
    TrainingError
        If a wish is of a column that is not there.
    """
    names = [*sheet.cells]
    wishes.check(names)
    remarks: list[str] = []
    texts, masked, counts, written = {}, {}, {}, {}
    for name in names:
        column = sheet.cells[name]
        wished = set(wishes.missing_in(name, names))
        is_wished = column.isin(wished)
        masked[name] = tuple(column[is_wished].unique())
        texts[name] = column.mask(is_wished)
        counts[name] = texts[name].value_counts()
        if name not in wishes.text and (
            found := numbers.written(counts[name], commas_between=sheet.separator == ",")
        ):
            written[name] = found, cells.judge(counts[name], found.odd)
    decimal = numbers.decimal_of(found for found, odd in written.values() if odd.verdict != "some")

    columns = {}
    lines = pd.Series(sheet.lines)
    for name in names:
        reading = _Reading(texts[name], lines, counts[name], remarks)
        column = Column(name, "text", texts[name])
        if name in written and written[name][1].verdict != "some":
            column = reading.as_numbers(*written[name], decimal)
        elif name not in wishes.text:
            column = reading.as_dates() or reading.as_texts(*written.get(name, (None, None)))
        if name in wishes.keep:
            column = column._replace(strays="")
        column = column._replace(missing=(*masked[name], *column.missing))
        columns[name] = _without_wished(column, wishes.missing_in(name, names))
    remarks.extend(
        f"--missing {wish}: no cell holds it"
        for wish in wishes.missing
        if not any(meant(wish, names)[1] in column.missing for column in columns.values())
    )
    return columns, remarks


@dataclass(frozen=True)
class _Reading:
    """One column that is being read, and where remarks on it go."""

    column: "pd.Series[str]"
    lines: "pd.Series[int]"
    counts: "pd.Series[int]"
    remarks: list[str]

    @property
    def name(self) -> str:
        return str(self.column.name)

    def as_numbers(self, written: numbers.Written, odd: cells.Odd, decimal: str) -> Column:
        if odd.verdict == "strays":
            return self._stray("numbers", odd)
        way = numerals.choose(written.ways, decimal=decimal)
        column = self._without(odd.stand_ins)
        texts = [text for text in self.counts.index if text not in odd.stand_ins]
        if way == DEFAULT and not written.unit and days.are_digits_alone(texts):
            return self._dated(column, days.DIGITS_ALONE, odd.stand_ins)
        self._tell_sign(written, way, decimal, texts)
        values = numbers.values(column, way, written.unit)
        beyond = values.abs() > FLOAT32_MAX
        too_large = tuple(column[beyond].unique())
        if too_large:
            self._taken_as_missing(too_large)
        values = values.mask(beyond)
        whole = not written.unit and numbers.are_whole(texts, values, way)
        return Column(
            self.name,
            "integer" if whole else "number",
            values,
            unit=written.unit,
            numerals=way,
            missing=(*odd.stand_ins, *too_large),
        )

    def _tell_sign(
        self, written: numbers.Written, way: Numerals, decimal: str, texts: list[str]
    ) -> None:
        """Say how it was decided whether 1.234 has decimals or thousands."""
        readings = {each.decimal: each for each in written.ways if each.decimal in ".,"}
        signed = [text for text in texts if "." in text or "," in text]
        if len(readings) == 1 or not signed:
            return
        value, other = (numerals.read(signed[0], each, written.unit) for each in readings.values())
        if value == other:
            return
        if way.decimal != next(iter(readings)):
            value, other = other, value
        why = f"for other columns have decimals behind {decimal!r}"
        if not decimal:
            why = "for nothing else tells; if that is wrong, write it without signs for thousands"
        self.remarks.append(
            f"{self.name!r}: {signed[0]!r} is {value:.12g}, not {other:.12g}, {why}"
        )

    def as_dates(self) -> Column | None:
        found = days.written([*self.counts.index])
        if not found:
            return None
        odd = cells.judge(self.counts, found.odd)
        if odd.verdict == "some":
            return None
        if odd.verdict == "strays":
            return self._stray("dates", odd)
        column = self._without(odd.stand_ins)
        chosen, remark = days.choose(column, found.formats)
        if remark:
            self.remarks.append(remark)
        return self._dated(column, chosen, odd.stand_ins)

    def as_texts(self, written: numbers.Written | None, odd: cells.Odd | None) -> Column:
        """The column as it is; if most of it are numbers, with a remark why it is none of them."""
        has_numbers = bool(
            written and odd and self.counts[[*odd.others]].sum() < self.counts.sum() / 2
        )
        if written and odd and has_numbers:
            units = f" in several units, {', '.join(map(repr, written.units))}"
            self.remarks.append(
                f"{self.name!r} is read as labels: most of its values are numbers"
                f"{units if len(written.units) > 1 else ''}, but not "
                f"{cells.named(self.column, self.lines, odd.others or odd.stand_ins)}"
            )
        spelt: dict[str, list[str]] = {}
        for text in sorted(self.counts.index):
            spelt.setdefault(text.casefold(), []).append(text)
        alike = [", ".join(map(repr, texts)) for texts in spelt.values() if len(texts) > 1]
        if alike:
            self.remarks.append(
                f"{self.name!r} has labels that differ in case alone and count as different: "
                f"{'; '.join(alike[: cells.NAMED])}{' …' if len(alike) > cells.NAMED else ''}"
            )
        return Column(self.name, "text", self.column, has_numbers=has_numbers)

    def _dated(self, column: "pd.Series[str]", written: str, missing: tuple[str, ...]) -> Column:
        return Column(
            self.name, "date", days.values(column, written), format=written, missing=missing
        )

    def _without(self, stand_ins: tuple[str, ...]) -> "pd.Series[str]":
        if stand_ins:
            self._taken_as_missing(stand_ins)
        return self.column.mask(self.column.isin(stand_ins))

    def _taken_as_missing(self, texts: tuple[str, ...]) -> None:
        self.remarks.append(
            f"{self.name!r}: {cells.named(self.column, self.lines, texts)} "
            f"{'is' if len(texts) == 1 else 'are'} taken as missing"
        )

    def _stray(self, kind: str, odd: cells.Odd) -> Column:
        strays = (
            f"{self.name!r} holds {kind}, but not "
            f"{cells.named(self.column, self.lines, odd.others)}"
        )
        remedy = cells.remedy(odd.others)
        return Column(self.name, "text", self.column, strays=strays, remedy=remedy)


def _without_wished(column: Column, wished: tuple[str, ...]) -> Column:
    """A column of numbers or dates without those that mean missing, however they are written."""
    found = {text: column.content == _value(text, column) for text in wished}
    texts = [text for text, rows in found.items() if rows.any()]
    if column.kind == "text" or not texts:
        return column
    values = column.content.mask(np.any([found[text] for text in texts], axis=0))
    return column._replace(content=values, missing=(*dict.fromkeys((*column.missing, *texts)),))


def _value(text: str, column: Column) -> float | None:
    """What a text of the command line is; there it may be written as programs write numbers."""
    if column.kind == "date":
        return dates.read(text, column.format)
    if numerals.PLAIN.fullmatch(text):
        return float(text)
    return numerals.read(text, column.numerals, column.unit)


def shown(value: float, column: Column) -> str:
    """A number of a column for people: days as a date."""
    return dates.shown(value) if column.kind == "date" else f"{value:.12g}"
