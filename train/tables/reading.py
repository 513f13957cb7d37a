"""One column of texts read as numbers, dates or labels, with remarks on what was decided."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.inputs import booleans, numerals
from serving.inputs.field import FLOAT32_MAX
from serving.inputs.numerals import DEFAULT, Numerals
from serving.sentence import Sentence
from train.tables import cells, days, numbers
from train.tables.column import Column
from train.tables.read import Lines

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reading:
    """One column that is being read, and the list that remarks on it are added to."""

    column: "pd.Series[str]"
    lines: Lines
    counts: "pd.Series[int]"
    remarks: list[Sentence]

    @property
    def name(self) -> str:
        """The name of the column."""
        return str(self.column.name)

    def as_numbers(
        self,
        written: numbers.NumberFormat,
        odd: cells.Odd,
        decimal: str,
        order: days.Order,
        *,
        is_chosen: bool = False,
    ) -> Column:
        """The column as numbers; as dates that are digits alone, unless numbers are chosen."""
        if odd.verdict == "strays":
            return self._stray("number", odd)
        way = numerals.choose(written.ways, decimal=decimal)
        column = self._without(odd.stand_ins)
        texts = [text for text in self.counts.index if text not in odd.stand_ins]
        is_plain = way == DEFAULT and not written.unit
        if formats := days.digits_alone(texts) if is_plain and not is_chosen else ():
            return self._dated(column, formats, odd.stand_ins, order)
        self._remark_on_sign(written, way, decimal, texts)
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

    def _remark_on_sign(
        self, written: numbers.NumberFormat, way: Numerals, decimal: str, texts: list[str]
    ) -> None:
        """Add a remark on how it was decided whether 1.234 has decimals or thousands."""
        readings = {each.decimal: each for each in written.ways if each.decimal in ".,"}
        signed = [text for text in texts if "." in text or "," in text]
        if len(readings) == 1 or not signed:
            return
        value, other = (numerals.parse(signed[0], each, written.unit) for each in readings.values())
        if value == other:
            return
        if way.decimal != next(iter(readings)):
            value, other = other, value
        why = Sentence(
            "as nothing else shows it; if this is wrong, write numbers without thousands signs"
        )
        if decimal:
            why = Sentence(
                "because other columns have the decimal sign {decimal!r}", decimal=decimal
            )
        self._remark(
            "{name!r}: {text!r} is {value:.12g}, not {other:.12g}, {why}",
            text=signed[0],
            value=value,
            other=other,
            why=why,
        )

    def as_dates(
        self, found: days.DateFormats | None, order: days.Order, *, is_chosen: bool = False
    ) -> Column | None:
        """The column as dates, if nearly all its cells are, or dates are chosen."""
        if not found:
            return None
        odd = cells.judge(self.counts, found.odd)
        odd = odd.chosen() if is_chosen else odd
        if odd.verdict == "some":
            if self.counts[[*odd.others]].sum() < self.counts.sum() / 2:
                self._remark(
                    "{name!r} is read as labels: most of its values are dates, but not {cells}",
                    cells=self._named(odd.others or odd.stand_ins),
                )
            return None
        if odd.verdict == "strays":
            return self._stray("date", odd)
        return self._dated(self._without(odd.stand_ins), found.formats, odd.stand_ins, order)

    def as_texts(self, written: numbers.NumberFormat | None, odd: cells.Odd | None) -> Column:
        """The column as text; if most of it is numbers, with a remark why it is not numbers."""
        has_numbers = bool(
            written and odd and self.counts[[*odd.others]].sum() < self.counts.sum() / 2
        )
        if written and odd and has_numbers:
            others = self._named(odd.others or odd.stand_ins)
            if len(written.units) > 1:
                self._remark(
                    "{name!r} is read as labels: most of its values are numbers in several units, "
                    "{units!r}, but not {cells}",
                    units=[*written.units],
                    cells=others,
                )
            else:
                self._remark(
                    "{name!r} is read as labels: most of its values are numbers, but not {cells}",
                    cells=others,
                )
        if booleans.is_mixed(self.counts.index):
            return self._as_yes_no()
        spelt: dict[str, list[str]] = {}
        for text in sorted(self.counts.index):
            spelt.setdefault(text.casefold(), []).append(text)
        alike = [", ".join(map(repr, texts)) for texts in spelt.values() if len(texts) > 1]
        if alike:
            self._remark(
                "{name!r} has labels that differ only in case and count as different: "
                "{labels:; }{more}",
                labels=alike[: cells.NAMED],
                more=" …" if len(alike) > cells.NAMED else "",
            )
        return Column(self.name, "text", self.column, has_numbers=has_numbers)

    def _as_yes_no(self) -> Column:
        """No and yes, in the spelling of the most frequent pair."""
        meant = booleans.pair_of({str(text): rows for text, rows in self.counts.items()})
        others = [text for text in self.counts.index if text not in meant]
        no, yes = meant
        self._remark(
            "{name!r} has yes and no in several spellings: {cells} {count:counts|count} as {yes!r} "
            "or {no!r}",
            cells=self._named(others),
            count=len(others),
            yes=yes,
            no=no,
        )
        spelt = {text: yes if booleans.read(text) else no for text in self.counts.index}
        return Column(self.name, "text", self.column.map(spelt, na_action="ignore"))

    def _dated(
        self,
        column: "pd.Series[str]",
        formats: tuple[str, ...],
        missing: tuple[str, ...],
        order: days.Order,
    ) -> Column:
        chosen, remark = days.choose(column, formats, order)
        if remark:
            self.remarks.append(remark)
        return Column(
            self.name, "date", days.values(column, chosen), format=chosen, missing=missing
        )

    def _without(self, stand_ins: tuple[str, ...]) -> "pd.Series[str]":
        if stand_ins:
            self._taken_as_missing(stand_ins)
        return self.column.mask(self.column.isin(stand_ins))

    def _taken_as_missing(self, texts: tuple[str, ...]) -> None:
        self._remark(
            "{name!r}: {cells} {count:counts|count} as missing",
            cells=self._named(texts),
            count=len(texts),
        )

    def _remark(self, template: str, **values: object) -> None:
        self.remarks.append(Sentence(template, name=self.name, **values))

    def _named(self, texts: tuple[str, ...] | list[str]) -> Sentence:
        return cells.named(self.column, self.lines, texts)

    def _stray(self, kind: str, odd: cells.Odd) -> Column:
        about = {"name": self.name, "cells": self._named(odd.others)}
        strays = Sentence("{name!r} holds dates, but not {cells}", **about)
        if kind == "number":
            strays = Sentence("{name!r} holds numbers, but not {cells}", **about)
        remedy = cells.remedy(odd.others)
        return Column(self.name, "text", self.column, strays=strays, remedy=remedy, nearly=kind)
