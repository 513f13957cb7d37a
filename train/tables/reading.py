"""One column of texts read as numbers, dates or labels, with remarks on what was decided."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.inputs import booleans, numerals
from serving.inputs.field import FLOAT32_MAX
from serving.inputs.numerals import DEFAULT, Numerals
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
    remarks: list[str]

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
        why = f"because other columns have the decimal sign {decimal!r}"
        if not decimal:
            why = (
                "as nothing else shows it; if this is wrong, write numbers without thousands signs"
            )
        self.remarks.append(
            f"{self.name!r}: {signed[0]!r} is {value:.12g}, not {other:.12g}, {why}"
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
                self.remarks.append(
                    f"{self.name!r} is read as labels: most of its values are dates, but not "
                    f"{cells.named(self.column, self.lines, odd.others or odd.stand_ins)}"
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
            units = f" in several units, {', '.join(map(repr, written.units))}"
            self.remarks.append(
                f"{self.name!r} is read as labels: most of its values are numbers"
                f"{units if len(written.units) > 1 else ''}, but not "
                f"{cells.named(self.column, self.lines, odd.others or odd.stand_ins)}"
            )
        if booleans.is_mixed(self.counts.index):
            return self._as_yes_no()
        spelt: dict[str, list[str]] = {}
        for text in sorted(self.counts.index):
            spelt.setdefault(text.casefold(), []).append(text)
        alike = [", ".join(map(repr, texts)) for texts in spelt.values() if len(texts) > 1]
        if alike:
            self.remarks.append(
                f"{self.name!r} has labels that differ only in case and count as different: "
                f"{'; '.join(alike[: cells.NAMED])}{' …' if len(alike) > cells.NAMED else ''}"
            )
        return Column(self.name, "text", self.column, has_numbers=has_numbers)

    def _as_yes_no(self) -> Column:
        """No and yes, in the spelling of the most frequent pair."""
        meant = booleans.pair_of({str(text): rows for text, rows in self.counts.items()})
        others = [text for text in self.counts.index if text not in meant]
        no, yes = meant
        named = cells.named(self.column, self.lines, others)
        count = "counts" if len(others) == 1 else "count"
        self.remarks.append(
            f"{self.name!r} has yes and no in several spellings: {named} {count} as {yes!r} "
            f"or {no!r}"
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
        self.remarks.append(
            f"{self.name!r}: {cells.named(self.column, self.lines, texts)} "
            f"{'counts' if len(texts) == 1 else 'count'} as missing"
        )

    def _stray(self, kind: str, odd: cells.Odd) -> Column:
        strays = (
            f"{self.name!r} holds {kind}s, but not "
            f"{cells.named(self.column, self.lines, odd.others)}"
        )
        remedy = cells.remedy(odd.others)
        return Column(self.name, "text", self.column, strays=strays, remedy=remedy, nearly=kind)
