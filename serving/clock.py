"""Times in milliseconds since 1970, UTC: the present one, and how they are written."""

import time
from datetime import UTC, datetime
from functools import lru_cache

HOUR, DAY = 3_600_000, 86_400_000  # milliseconds


def now() -> int:
    """Return the present time in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def iso(milliseconds: int) -> str:
    """Write a time for programs, in ISO 8601.

    >>> iso(1_700_000_000_123)
    '2023-11-14T22:13:20.123+00:00'
    """
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_to_second(seconds)}.{rest:03}+00:00"


def day_of(milliseconds: int) -> int:
    """Return when the day of a time begins, UTC."""
    return milliseconds - milliseconds % DAY


@lru_cache(maxsize=2)  # the present second, mostly: each request is logged with its time
def _to_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def to_seconds(milliseconds: int) -> str:
    """Write a time for people.

    >>> to_seconds(1_700_000_000_123)
    '2023-11-14 22:13:20+00:00'
    """
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(" ", timespec="seconds")


def to_minutes(milliseconds: int) -> str:
    """Write a time for people who need no seconds.

    >>> to_minutes(1_700_000_000_123)
    '2023-11-14 22:13 UTC'
    """
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
