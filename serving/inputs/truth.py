"""Yes and no, in all the ways that data and programs write them."""

from typing import Any

PAIRS = (
    ("false", "true"),
    ("0", "1"),
    ("no", "yes"),
    ("n", "y"),
    ("f", "t"),
    ("não", "sim"),
    ("nao", "sim"),
    ("n", "s"),
    ("off", "on"),
)
_NO = {no for no, _ in PAIRS} | {"0.0"}
_YES = {yes for _, yes in PAIRS} | {"1.0"}


def meant(value: Any) -> bool | None:
    """What a JSON value or a text says as yes or no; None if it says neither.

    1, 1.0, "1", true, "True", "yes" and "sim" are one.
    """
    if isinstance(value, int | float):
        return bool(value) if value in {0, 1} else None
    text = value.strip().casefold() if isinstance(value, str) else ""
    return True if text in _YES else False if text in _NO else None


def is_pair(labels: tuple[str, ...]) -> bool:
    """Whether two labels, the first of them no, are ways to write no and yes."""
    return tuple(label.casefold() for label in labels) in PAIRS
