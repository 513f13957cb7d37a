"""Yes and no, in all the ways that data and programs write them."""

from collections.abc import Collection, Mapping
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


def read(value: Any) -> bool | None:
    """What a JSON value or a text says as yes or no; None if it says neither.

    1, 1.0, "1", true, "True", "yes" and "sim" are one.
    """
    if isinstance(value, int | float):
        return bool(value) if value in {0, 1} else None
    text = value.strip().casefold() if isinstance(value, str) else ""
    return True if text in _YES else False if text in _NO else None


def plain(label: str) -> str:
    """How a label is spelt without regard to case, and whole numbers without decimals."""
    label = label.strip().casefold()
    return _WHOLE.get(label, label)


def is_mixed(texts: Collection[str]) -> bool:
    """Whether texts are no and yes in more than two spellings, such as no, No, true and 1.

    Numbers alone are none, nor letters of several pairs, such as N, S, F.
    """
    spelt = {*map(plain, texts)}
    letters = {each for each in spelt if len(each) == 1 and each.isalpha()}
    return (
        len(texts) > 2  # noqa: PLR2004 - no and yes
        and {*map(read, texts)} == {False, True}
        and not spelt <= {"0", "1"}
        and any(letters <= {*pair} for pair in PAIRS)
    )


def pair_of(rows: Mapping[str, int]) -> tuple[str, str]:
    """No and yes, spelt as in most rows; one that is not there as in the pair of the other.

    Parameters
    ----------
    rows : mapping of str to int
        In how many rows each text stands, the commonest first.
    """
    pairs = {pair: sum(rows[text] for text in rows if plain(text) in pair) for pair in PAIRS}
    no, yes = max(pairs, key=lambda pair: pairs[pair])
    return (
        next((text for text in rows if plain(text) == no), no),
        next((text for text in rows if plain(text) == yes), yes),
    )


def is_pair(labels: tuple[str, ...]) -> bool:
    """Whether labels are two ways, in any order, to write no and yes: no/yes, N/S, 0.0/1.0."""
    spelt = {*map(plain, labels)}
    return len(labels) == len(spelt) and any(spelt == {*pair} for pair in PAIRS)
