"""Dates: from texts to days since 1970-01-01 UTC, which is what rows hold, and back.

Models are not given the days alone: `with_calendar` adds what a date says of itself.
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
YEARS = (1900, 2099)  # of dates that are digits alone
SAMPLE = 20  # texts by which to tell what a column may be
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
def read(text: str, written: str = ISO) -> float | None:
    """Days since 1970-01-01 UTC, with a part of a day for the time; None if it is no date.

    Whatever the format of a column is, ISO 8601 is read too; a time without a zone is UTC.
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
    for each in (text, in_english(text)):  # without the UTC that may stand behind it
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
    """How the time at the end of a text is written; trying each way takes many times as long."""
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
    """What the texts of a column have in common, as dates.

    Attributes
    ----------
    formats : tuple of str
        Each fits all the dates: of 31/12/2024 and 12/31/2024 both, where no day is above 12.
    odd : tuple of str
        The texts that are no dates so written.
    """

    formats: tuple[str, ...]
    odd: tuple[str, ...]


def infer(texts: Collection[str]) -> Inferred | None:
    """Find out how the dates among the different texts of a column are written; None without any.

    A format that fits none of a few texts is not tried on all of them.
    """
    texts = [*texts]
    few = [text for text in texts[:: len(texts) // SAMPLE + 1] if _DIGIT.search(text)]
    likely = [written for written in FORMATS if any(is_written(text, written) for text in few)]
    odd = {
        written: tuple(text for text in texts if not (is_written(text, written) or _iso(text)))
        for written in likely
    }
    if not odd:
        return None
    fewest = min(map(len, odd.values()))
    formats = tuple(written for written in likely if len(odd[written]) == fewest)
    return Inferred(formats, odd[formats[0]])


def is_written(text: str, written: str) -> bool:
    """Whether a text is a date in that very format."""
    found = _iso(text) if written == ISO else _parsed(text, written)
    return found is not None


def shown(days: float) -> str:
    """A row's value in ISO 8601, to the second where it has a time."""
    when = _EPOCH + timedelta(seconds=round(days * _DAY))
    whole = (when.hour, when.minute, when.second) == (0, 0, 0)
    return when.date().isoformat() if whole else when.isoformat().removesuffix("+00:00") + "Z"


def example(written: str) -> str:
    """A date written so."""
    day = datetime(2024, 7, 31, tzinfo=UTC)
    return day.date().isoformat() if written == ISO else day.strftime(written)


def with_calendar(rows: Matrix, columns: Sequence[int]) -> Matrix:
    """Rows with a year, a month and a day of the week (0 is Monday) for each column of days.

    They stand behind the others, in the order of `columns` and of `CALENDAR`; of a date that is
    missing they are missing too.
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
