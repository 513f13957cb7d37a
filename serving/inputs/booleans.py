"""Yes and no, in all the ways in which data and programs write them."""

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
    """Return a regular expression, as in JSON Schema, for the texts that stand for yes or no."""
    words = [
        "".join(f"[{sign}{sign.upper()}]" if sign.isalpha() else f"[{sign}]" for sign in word)
        for word in sorted(_NO | _YES)
    ]
    return f"^({'|'.join(words)})$"


def read(value: Any) -> bool | None:
    """Read a JSON value or a text as yes or no; None if it is neither.

    1, 1.0, "1", true, "True", "yes" and "sim" are all yes.
    """
    if isinstance(value, int | float):
        return bool(value) if value in {0, 1} else None
    text = value.strip().casefold() if isinstance(value, str) else ""
    return True if text in _YES else False if text in _NO else None


def plain(label: str) -> str:
    """Spell a label in lower case, and a whole number without decimals."""
    label = label.strip().casefold()
    return _WHOLE.get(label, label)


def is_mixed(texts: Collection[str]) -> bool:
    """Whether texts are yes and no in more than two spellings, such as no, No, true and 1.

    Texts that are only numbers do not count, nor letters of several pairs, such as N, S and F.
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
    """Return no and yes, each in its most frequent spelling; an absent one as its pair has it.

    Parameters
    ----------
    rows : mapping of str to int
        The number of rows with each text, the most frequent first.
    """
    pairs = {pair: sum(rows[text] for text in rows if plain(text) in pair) for pair in PAIRS}
    no, yes = max(pairs, key=lambda pair: pairs[pair])
    return (
        next((text for text in rows if plain(text) == no), no),
        next((text for text in rows if plain(text) == yes), yes),
    )


def is_pair(labels: tuple[str, ...]) -> bool:
    """Whether two labels are a pair of no and yes, in any order: no/yes, N/S, 0.0/1.0."""
    spelt = {*map(plain, labels)}
    return len(labels) == len(spelt) and any(spelt == {*pair} for pair in PAIRS)
