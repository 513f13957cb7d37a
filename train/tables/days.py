"""Columns of texts that are dates: their formats, and the days that they stand for."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from serving.inputs import dates
from serving.inputs.dates import DIGITS_ALONE, ISO
from serving.sentence import Sentence

if TYPE_CHECKING:
    import pandas as pd

MIN_DIGITS_ALONE = 5  # fewer numbers may be days of the calendar by chance
DAY_FIRST = {
    "%d/%m/%Y": "%m/%d/%Y",
    "%d-%m-%Y": "%m-%d-%Y",
    "%d/%m/%y": "%m/%d/%y",
    "%d%m%Y": "%m%d%Y",
}
PLAIN = {"%d": "day", "%m": "month", "%b": "month", "%Y": "year", "%y": "year"}
PLAIN |= {" %H:%M:%S": "", "%H": "hour", "%M": "minute", "%S": "second", " %z": ""}


class DateFormats(NamedTuple):
    """The formats of the dates in a column, each of which fits them all, and the other texts."""

    formats: tuple[str, ...]
    odd: frozenset[str]


def find_formats(texts: Sequence[str]) -> DateFormats | None:
    """Find the formats of a column's dates; None if there are none."""
    found = dates.infer(texts)
    if not found or (found.formats[0] in DIGITS_ALONE and len(texts) < MIN_DIGITS_ALONE):
        return None
    return DateFormats(found.formats, frozenset(found.odd))


def chosen_formats(texts: Sequence[str]) -> DateFormats:
    """Find the formats of a column that is chosen to be dates; all its texts may be odd."""
    found = dates.infer(texts)
    if found is None:
        return DateFormats((ISO,), frozenset(texts))
    return DateFormats(found.formats, frozenset(found.odd))


def digits_alone(texts: Sequence[str]) -> tuple[str, ...]:
    """The formats of whole numbers that are dates, such as 20240731; none if they are not."""
    if len(texts) < MIN_DIGITS_ALONE or len({*map(len, texts)}) > 1:
        return ()
    return tuple(
        written
        for written in DIGITS_ALONE
        if all(dates.has_format(text, written) for text in texts)
    )


def values(column: "pd.Series[Any]", written: str) -> "pd.Series[float]":
    """Days since 1970-01-01; NaN where there is no date."""
    by_text = {text: dates.parse(text, written) for text in column.dropna().unique()}
    return column.map(by_text, na_action="ignore").astype(np.float64)


class Order(NamedTuple):
    """Whether the day comes before the month in the whole file, as far as that is certain."""

    is_day_first: bool | None
    evidence: Sentence


def order(columns: Iterable[Sequence[str]], decimal: str) -> Order:
    """Find out whether 01/02/2024 is in January, from all columns and the decimal sign."""
    certain = {
        first in formats
        for formats in columns
        for first, other in DAY_FIRST.items()
        if (first in formats) != (other in formats)
    }
    if len(certain) == 1:
        return Order(certain.pop(), Sentence("it does so in another column"))
    if decimal == "," and not certain:
        return Order(is_day_first=True, evidence=Sentence("the file has decimal commas"))
    return Order(None, Sentence(""))


def choose(
    column: "pd.Series[Any]", formats: Sequence[str], known: Order
) -> tuple[str, Sentence | None]:
    """The most likely format, and a remark if another one fits too.

    For 01/02/2024 the order that is certain in the file; otherwise that in which the rows are in
    order of time, or are all the first day of a month; otherwise the day comes first.
    """
    first = formats[0]
    other = DAY_FIRST.get(first, "")
    if other not in formats:
        return first, None
    here, there = (values(column, each).dropna() for each in (first, other))
    evidence = Sentence("its rows are then in order of time")
    better = _is_ordered(there) - _is_ordered(here)
    if known.is_day_first is not None:
        evidence, better = known.evidence, -1 if known.is_day_first else 1
    elif not better:
        evidence = Sentence("it is then the first day of each month")
        better = _are_months(there) - _are_months(here)
    if not better:
        evidence = Sentence("nothing indicates the month")
    chosen, other = (other, first) if better > 0 else (first, other)
    example = column.dropna().iloc[0]
    about = {
        "name": column.name,
        "example": example,
        "date": dates.to_iso(dates.parse(example, chosen) or 0.0),
        "why": evidence,
    }
    if better > 0:
        return chosen, Sentence(
            "{name!r}: the month comes first ({example!r} is {date}), because {why}", **about
        )
    return chosen, Sentence(
        "{name!r}: the day comes first ({example!r} is {date}), because {why}", **about
    )


def _is_ordered(days: "pd.Series[float]") -> bool:
    return bool(days.is_monotonic_increasing or days.is_monotonic_decreasing)


def _are_months(days: "pd.Series[float]") -> bool:
    found = days.to_numpy().astype("datetime64[D]")
    return bool((found == found.astype("datetime64[M]")).all())


def readable(written: str) -> str:
    """A format as people write it: `day/month/year`."""
    if written == ISO:
        return "year-month-day"
    is_alone = written in DIGITS_ALONE
    for sign, name in PLAIN.items():
        written = written.replace(sign, f"{name} " if is_alone else name)
    return f"{written}as digits alone" if is_alone else written
