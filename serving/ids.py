"""Ids of predictions: unique, and telling the model, version and time of what they name."""

import os
import re
from typing import NamedTuple, Self

ID = re.compile(
    r"(?P<model>[^\0/]+)\.(?P<version>[0-9]{1,9})\.(?P<time>[0-9a-f]{11})[0-9a-f]{16}(?:\.[0-9]{1,9})?"
)


class PredictionId(NamedTuple):
    """What an id tells; `time` is milliseconds since 1970, UTC."""

    model: str
    version: int
    time: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What a text tells, if it is an id."""
        found = ID.fullmatch(text)
        if not found:
            return None
        return cls(found["model"], int(found["version"]), int(found["time"], 16))


def make(model: str, version: int, now: int, count: int) -> list[str]:
    """Ids for the predictions of one request.

    They are `MODEL.VERSION.` and, in hexadecimal, the time and 64 random bits; of several, each is
    followed by its position.
    """
    stem = f"{model}.{version}.{now:011x}{os.urandom(8).hex()}"
    return [stem] if count == 1 else [f"{stem}.{position}" for position in range(count)]
