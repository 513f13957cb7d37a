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
_WHOLE = {"0.0": "0", "1.0": "1"}
_NO = {no for no, _ in PAIRS} | {"0.0"}
_YES = {yes for _, yes in PAIRS} | {"1.0"}


def pattern() -> str:
    """A regular expression for the texts that say yes or no, as JSON Schema has them."""
    words = [
        "".join(f"[{sign}{sign.upper()}]" if sign.isalpha() else f"[{sign}]" for sign in word)
        for word in sorted(_NO | _YES)
    ]
    return f"^({'|'.join(words)})$"


def meant(value: Any) -> bool | None:
    """What a JSON value or a text says as yes or no; None if it says neither.

    1, 1.0, "1", true, "True", "yes" and "sim" are one.
    """
    if isinstance(value, int | float):
        return bool(value) if value in {0, 1} else None
    text = value.strip().casefold() if isinstance(value, str) else ""
    return True if text in _YES else False if text in _NO else None


def is_pair(labels: tuple[str, ...]) -> bool:
    """Whether labels are two ways, in any order, to write no and yes: no/yes, N/S, 0.0/1.0."""
    spelt = {_WHOLE.get(label.casefold(), label.casefold()) for label in labels}
    return len(labels) == len(spelt) and any(spelt == {*pair} for pair in PAIRS)
