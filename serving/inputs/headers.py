"""The first lines of a table: what separates its cells, and the names of its columns."""

import csv
import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING
from unicodedata import normalize

from serving.sentence import Sentence

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = ",;\t|"
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"  # the byte order mark

Row = Sequence[str]

_DECLARED = re.compile(rf'{MARK}?"?sep=([{SEPARATORS}])"?[\s{SEPARATORS}]*\Z', re.IGNORECASE)


def make_reader(texts: Iterable[str], separator: str) -> "Reader":
    """Make a CSV reader that ignores spaces after separators."""
    return csv.reader(texts, delimiter=separator, skipinitialspace=True)


def names(header: Row) -> tuple[str, ...]:
    """Name the columns as pandas does: a repeated name becomes `x.1`, an empty one `Unnamed: 3`."""
    plain = [normalize("NFC", name.strip()) for name in header]
    used = {*plain}
    given: dict[str, None] = {}
    last: dict[str, int] = {}  # a line may repeat a name half a million times
    for at, name in enumerate(plain):
        own = name or f"Unnamed: {at}"
        times = last.get(own, 0)
        unique = f"{own}.{times}" if times else own
        while unique in given or (times and unique in used):
            times += 1
            unique = f"{own}.{times}"
        given[unique], last[own] = None, times
    return tuple(given)


def other_width(cells: int, width: int, separator: str) -> Sentence:
    """Write what is wrong with a row that is not as wide as the line of names."""
    about = {"cells": cells, "width": width}
    if width == 1:
        return Sentence(
            "has {cells} cells, the first line has 1; remove the lines above the column names",
            **about,
        )
    if cells > width and separator == ",":
        return Sentence(
            "has {cells} cells, the first line has {width}; if a comma is part of a number or a "
            "text, put that in quotes",
            **about,
        )
    return Sentence("has {cells} {cells:cell|cells}, the first line has {width}", **about)


def declared_separator(lines: Sequence[str]) -> str:
    """Return the separator that the last of the lines declares to spreadsheets, `sep=;`, or ""."""
    found = _DECLARED.match(lines[-1]) if lines else None
    return found[1] if found else ""


def find_separator(lines: Sequence[str], known: Collection[str], likeliest: str) -> str:
    """Find the separator by which the first line has most of the known names.

    Without known names, the separator by which most lines have several cells, as many as the first.
    """
    if known:
        return max(
            SEPARATORS, key=lambda each: (_known_names(lines, each, known), each == likeliest)
        )
    return max(SEPARATORS, key=lambda each: _regularity(lines, each))


def fitting_separator(lines: Sequence[str], width: int) -> str:
    """Find the separator by which the first line has so many cells."""
    return next((each for each in SEPARATORS if len(_first(lines, each)) == width), SEPARATORS[0])


def _first(lines: Sequence[str], separator: str) -> Row:
    """Return the cells of the first line; none if it is not one of a table."""
    try:
        return next(filter(None, make_reader(lines, separator)), [])
    except csv.Error:  # reported when the line is read
        return []


def _known_names(lines: Sequence[str], separator: str, known: Collection[str]) -> int:
    return sum(name in known for name in names(_first(lines, separator)))


def _regularity(lines: Sequence[str], separator: str) -> tuple[float, int]:
    """Return the share of lines as wide as the first, and that width; zeros for a single cell."""
    try:
        widths = [len(row) for row in make_reader(lines, separator) if row]
    except csv.Error:  # reported when the line is read
        return 0, 0
    several = bool(widths) and widths[0] > 1
    return (widths.count(widths[0]) / len(widths), widths[0]) if several else (0, 0)
