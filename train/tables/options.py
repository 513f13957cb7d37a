"""The options of the command line that concern the columns of a file."""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import NamedTuple

from train.errors import TrainingError


class ColumnOptions(NamedTuple):
    """The options that concern columns, by the names of columns.

    Attributes
    ----------
    keep, drop, text : frozenset of str
        Columns to use although they look useless, not to use, and to use as free text.
    missing : tuple of str
        Values that stand for a missing value: `-200` in any column, `Glucose=0` in one.
    """

    keep: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()

    def check(self, names: Iterable[str]) -> None:
        """Refuse names that the file does not have; raises TrainingError."""
        names = tuple(names)
        for option in ("keep", "drop", "text"):
            for name in sorted(getattr(self, option)):
                require_name(names, name, f"--{option} {quoted(name)}: ")

    def missing_in(self, name: str, names: Collection[str]) -> tuple[str, ...]:
        """The texts that stand for missing in a column, besides those that do in any file."""
        options = [split_option(option, names) for option in self.missing]
        return tuple(text for column, text in options if column in (None, name))


DEFAULTS = ColumnOptions()


def split_option(option: str, names: Collection[str]) -> tuple[str | None, str]:
    """The column in which a text stands for missing, None for all columns, and the text."""
    for sign in re.finditer("=", option):  # names may hold one too
        name = option[: sign.start()].strip()
        if name in names:
            return name, option[sign.end() :].strip()
    return None, option.strip()


def require_name(names: Iterable[str], name: str, before: str = "") -> None:
    """Raise TrainingError with the nearest name, if no column has this one."""
    names = tuple(names)
    if name in names:
        return
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"they are {', '.join(map(repr, names))}"
    raise TrainingError(f"{before}no column is called {name!r}; {hint}")


def quoted(text: str) -> str:
    """A text quoted for a shell, and for cmd.exe."""
    return text if re.fullmatch(r"[\w.+/:@%=-]+", text) else f'"{text}"'
