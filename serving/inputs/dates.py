"""Dates: from texts to days since 1970-01-01 UTC, as in rows, and back.

`with_calendar` adds year, month and day of the week to the features of a model.
"""

import math
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.inputs.date_words import in_english

ISO = "ISO 8601"  # 2024-07-31, with or without a time
MONTH = "%Y-%m"
DIGITS_ALONE = {"%Y%m%d": 8, "%d%m%Y": 8, "%m%d%Y": 8, "%Y%m%d%H%M": 12, "%Y%m%d%H%M%S": 14}
FORMATS = (
    *(ISO, MONTH, "%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y"),
    *("%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%m/%Y", "%m-%Y", "%m.%Y", "%Y/%m"),
    *("%b %d, %Y", "%b %d %Y", "%d %b %Y", "%d %b, %Y"),
    *("%d/%b/%Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%y"),
    *("%b %Y", "%b-%Y", "%b/%Y", "%b-%y", "%b/%y", "%Y-%b"),
    *("%b %d %H:%M:%S %Y", "%b %d %H:%M:%S %z %Y"),
    *DIGITS_ALONE,
)
YEARS = (1900, 2099)  # of dates that consist of digits only
SAMPLE = 20  # texts from which the possible formats of a column are found
CALENDAR = ("year", "month", "day of the week")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}.*)?")
_TIME = re.compile(
    r"([ T])[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?(\.[0-9]{1,6})?(?:( ?)[APap][Mm])?"
    r"([+-][0-9]{2}:?[0-9]{2})?$"
)
_DAY = 86_400.0  # seconds
_DIGIT = re.compile(r"[0-9]")
_SPELT = re.compile(r"[0-9A-Za-z]")

Matrix = NDArray[np.float64]


@lru_cache(maxsize=65_536)
def parse(text: str, written: str = ISO) -> float | None:
    """Parse a date to days since 1970-01-01 UTC, a fraction for the time; None if it is no date.

    ISO 8601 is accepted whatever the format of the column; a time without a zone is UTC.
    """
    text = text.strip()
    if not _SPELT.match(text):
        return None
    when = None if written == ISO else _parsed(text, written)
    when = when or _iso(text) or (_parsed(text, MONTH) if len(text) <= len("2024-Q3") else None)
    if when is None:
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return (when - _EPOCH).total_seconds() / _DAY


def _iso(text: str) -> datetime | None:
    if not _ISO.fullmatch(text):
        return None
    for each in (text, in_english(text)):  # the second without a final UTC
        with suppress(ValueError):
            return datetime.fromisoformat(each)
    return None


def _parsed(text: str, written: str) -> datetime | None:
    digits = DIGITS_ALONE.get(written)
    if digits and not (len(text) == digits and text.isdecimal()):
        return None
    if not digits:
        text = in_english(text)
        written += "" if "%H" in written else _clock(text)
    try:
        when = datetime.strptime(text, written)  # noqa: DTZ007 - the caller sets UTC
    except ValueError:
        return None
    return None if digits and not YEARS[0] <= when.year <= YEARS[1] else when


def _clock(text: str) -> str:
    """Find the format of the time at the end of a text; trying each one takes far longer."""
    found = _TIME.search(text)
    if not found:
        return ""
    between, seconds, fraction, half, zone = found.groups()
    return "".join(
        [
            *(between, "%H" if half is None else "%I", ":%M", ":%S" if seconds else ""),
            *(".%f" if fraction else "", "" if half is None else f"{half}%p", "%z" if zone else ""),
        ]
    )


class Inferred(NamedTuple):
    """The date formats that fit the texts of a column.

    Attributes
    ----------
    formats : tuple of str
        Each fits all the dates; day first and month first both do if no day is above 12.
    odd : tuple of str
        The texts that are not dates in these formats.
    """

    formats: tuple[str, ...]
    odd: tuple[str, ...]


def infer(texts: Collection[str]) -> Inferred | None:
    """Infer the formats of the dates among the distinct texts of a column; None without dates.

    Only formats that fit one of a few texts are tried on all of them.
    """
    texts = [*texts]
    few = [text for text in texts[:: len(texts) // SAMPLE + 1] if _DIGIT.search(text)]
    likely = [written for written in FORMATS if any(has_format(text, written) for text in few)]
    odd = {
        written: tuple(text for text in texts if not (has_format(text, written) or _iso(text)))
        for written in likely
    }
    if not odd:
        return None
    fewest = min(map(len, odd.values()))
    formats = tuple(written for written in likely if len(odd[written]) == fewest)
    return Inferred(formats, odd[formats[0]])


def has_format(text: str, written: str) -> bool:
    """Whether a text is a date in exactly this format."""
    found = _iso(text) if written == ISO else _parsed(text, written)
    return found is not None


def to_iso(days: float) -> str:
    """Format a row's value in ISO 8601, to the second if it has a time."""
    when = _EPOCH + timedelta(seconds=round(days * _DAY))
    whole = (when.hour, when.minute, when.second) == (0, 0, 0)
    return when.date().isoformat() if whole else when.isoformat().removesuffix("+00:00") + "Z"


def example(written: str) -> str:
    """Return an example of a date in a format."""
    day = datetime(2024, 7, 31, tzinfo=UTC)
    return day.date().isoformat() if written == ISO else day.strftime(written)


def with_calendar(rows: Matrix, columns: Sequence[int]) -> Matrix:
    """Append year, month and day of the week (0 is Monday) of each column of dates to rows.

    The new columns are last, in the order of `columns` and of `CALENDAR`; they are NaN where the
    date is.
    """
    if not len(columns):
        return rows
    added = []
    for column in columns:
        days = rows[:, column].astype(np.float64)
        known = np.isfinite(days)
        whole = np.where(known, np.floor(days), 0).astype("datetime64[D]")
        months = whole.astype("datetime64[M]").astype(np.int64)
        parts = (months // 12 + 1970, months % 12 + 1, (whole.astype(np.int64) + 3) % 7)
        added += [np.where(known, part, math.nan) for part in parts]
    return np.column_stack([rows, *added])
