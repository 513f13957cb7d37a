"""Columns of texts that are numbers: how they are written, and their values."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from serving.inputs import numerals
from serving.inputs.field import EXACT_INTEGER
from serving.inputs.numerals import DEFAULT, Numerals

if TYPE_CHECKING:
    import pandas as pd

DIGIT = re.compile(r"(?<![^\W\d_])[0-9]")  # but not that of m2
CURRENCY = re.compile(rf".*[{numerals.SIGNS}]|[A-Z]{{3}}|Rs\.?")


class NumberFormat(NamedTuple):
    """How the numbers in a column are written.

    Attributes
    ----------
    ways : tuple of Numerals
        Each fits all the numbers; the first is the most likely.
    odd : frozenset of str
        The texts that are not numbers written so.
    units : tuple of str
        `unit`, and the other units of the column.
    """

    ways: tuple[Numerals, ...]
    unit: str
    odd: frozenset[str]
    units: tuple[str, ...]

    @property
    def decimals(self) -> set[str]:
        """The possible decimal signs."""
        return {way.decimal for way in self.ways}


def find_format(counts: "pd.Series[int]", *, commas_between: bool) -> NumberFormat | None:
    """Find out how a column's numbers are written; None if there are none, or they are codes.

    Parameters
    ----------
    counts : Series
        The number of rows of each text.
    """
    # Texts with their digits in the same places are written alike, so one of them is enough.
    shapes: dict[str, list[str]] = {}
    for text in counts.index:
        shapes.setdefault(_shape(text), []).append(text)
    apart = {texts[0]: numerals.take_apart(texts[0]) for texts in shapes.values()}
    rows = {texts[0]: int(counts[texts].sum()) for texts in shapes.values()}
    units: Counter[str] = Counter()
    for text, parts in apart.items():
        if parts:
            units[parts.unit] += rows[text]
    unit = _unit(units)
    kept = [text for text, parts in apart.items() if parts and numerals.is_unit(parts.unit, unit)]
    found = numerals.infer(kept, commas_between=commas_between) if kept else None
    if found is None or all(text.startswith("(") for text in kept):  # years: (2014), (2016)
        return None
    regular = {*kept} - {*found.odd}
    odd = frozenset(text for texts in shapes.values() if texts[0] not in regular for text in texts)
    others = tuple(each for each in units if not numerals.is_unit(each, unit))
    units_met = tuple(filter(None, (unit, *others)))
    return NumberFormat(found.ways, unit, odd, units_met) if regular else None


def chosen_format(counts: "pd.Series[int]", *, commas_between: bool) -> NumberFormat:
    """How the numbers of a column are written that is chosen to be numbers, be they codes."""
    odd = frozenset(text for text in counts.index if not numerals.PLAIN.fullmatch(text))
    found = find_format(counts, commas_between=commas_between)
    return found or NumberFormat((DEFAULT,), "", odd, ())


def _shape(text: str) -> str:
    """The text with all digits replaced by 9, except a leading zero."""
    first = DIGIT.search(text)
    shape = DIGIT.sub("9", text)
    return shape.replace("9", "0", 1) if first and first[0] == "0" else shape


def _unit(units: Counter[str]) -> str:
    """The unit of a column: money in any row, another one in at least half of the rows."""
    bare = units[""]
    for unit, rows in units.most_common():
        if unit and (CURRENCY.fullmatch(unit) or rows >= bare):
            return unit
    return ""


def decimal_of(columns: Iterable[NumberFormat]) -> str:
    """The decimal sign of the file, if its columns allow only one; otherwise empty."""
    certain = {sign for found in columns if len(found.decimals) == 1 for sign in found.decimals}
    return certain.pop() if len(certain) == 1 else ""


def values(column: "pd.Series[Any]", way: Numerals, unit: str) -> "pd.Series[float]":
    """The numbers of a column; NaN where there are none."""
    texts = column.dropna()
    if way.thousands or way.decimal != DEFAULT.decimal or unit or not _all_plain(texts):
        by_text = {text: numerals.parse(text, way, unit) for text in texts.unique()}
        numbers = texts.map(by_text).astype(np.float64)
    else:
        numbers = texts.astype(object).astype(np.float64)
    return numbers.reindex(column.index)


def _all_plain(texts: "pd.Series[Any]") -> bool:
    return all(map(numerals.PLAIN.fullmatch, texts))


def are_whole(texts: Sequence[str], numbers: "pd.Series[float]", way: Numerals) -> bool:
    """Whether all of a column's numbers are whole, and written without decimals."""
    fraction = re.compile(rf"[{re.escape(way.decimal)}eE]")
    return not any(map(fraction.search, texts)) and numbers.abs().max() <= EXACT_INTEGER
